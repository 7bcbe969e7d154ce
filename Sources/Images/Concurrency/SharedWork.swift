import Synchronization

/// Work that several callers may want at once and that is done once: the later ones join the one under way.
///
/// Each caller may leave, by cancellation; the work is cancelled when the last has left and nobody has come within ``linger``. What the work tells on its way
/// goes to every caller.
final class SharedWork<Key: Hashable & Sendable, Value: Sendable, Event: Sendable>: Sendable {
    typealias Observer = @Sendable (Event) -> Void

    private struct Waiter {
        let continuation: CheckedContinuation<Value, any Error>
        let observer: Observer?
    }

    private struct Work {
        let task: Task<Void, Never>
        var waiters: [Int: Waiter] = [:]
        var isAbandoned = false
        /// How often the last caller has left.
        var departures = 0
    }

    private struct State {
        var underWay: [Key: Work] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    private let linger: Duration

    init(linger: Duration = .zero) { self.linger = linger }

    /// What came of a call to `value`: the caller may try again if it was another's work that failed.
    struct Failure: Error {
        let error: any Error
        let joined: Bool
    }

    /// The result of the work on `key`, started now unless it is under way.
    /// - Throws: ``Failure``.
    func value(
        for key: Key, observer: Observer? = nil, _ work: @escaping @Sendable (@escaping Observer) async throws -> Value
    ) async throws(Failure) -> Value {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        let joined = await settle(key)
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    enter(key, number, Waiter(continuation: continuation, observer: observer), work)
                    // A cancellation that came before found nobody to resume.
                    if Task.isCancelled { leave(key, number) }
                }
            } onCancel: {
                leave(key, number)
            }
        } catch {
            throw Failure(error: error, joined: joined)
        }
    }

    /// How many wait for the work on `key`.
    func callers(of key: Key) -> Int { state.withLock { $0.underWay[key]?.waiters.count ?? 0 } }

    /// Waits for the end of work that all have left, and tells whether there is work to join.
    private func settle(_ key: Key) async -> Bool {
        while let work = state.withLock({ $0.underWay[key] }) {
            guard work.isAbandoned else { return true }
            await work.task.value
        }
        return false
    }

    private func enter(
        _ key: Key, _ number: Int, _ waiter: Waiter, _ work: @escaping @Sendable (@escaping Observer) async throws -> Value
    ) {
        state.withLock { state in
            if state.underWay[key] == nil {
                let task = Task.detached { [self] in
                    let result: Result<Value, any Error>
                    do { result = .success(try await work { [self] in tell(key, $0) }) } catch { result = .failure(error) }
                    finish(key, result)
                }
                state.underWay[key] = Work(task: task)
            }
            state.underWay[key]?.waiters[number] = waiter
        }
    }

    private func leave(_ key: Key, _ number: Int) {
        let waiter = state.withLock { state -> Waiter? in
            guard let waiter = state.underWay[key]?.waiters.removeValue(forKey: number) else { return nil }
            if let work = state.underWay[key], work.waiters.isEmpty { abandon(key, work, &state) }
            return waiter
        }
        waiter?.continuation.resume(throwing: CancellationError())
    }

    /// Nobody waits for the work any more.
    private func abandon(_ key: Key, _ work: Work, _ state: inout State) {
        guard linger > .zero else {
            state.underWay[key]?.isAbandoned = true
            return work.task.cancel()
        }
        let departures = work.departures + 1
        state.underWay[key]?.departures = departures
        Task.detached { [self, task = work.task] in
            try await Task.sleep(for: linger)
            let isOver = self.state.withLock { state in
                // Another came meanwhile, or the work has ended, and what goes by its key now is another.
                guard let now = state.underWay[key], now.task == task, now.waiters.isEmpty, now.departures == departures else { return false }
                state.underWay[key]?.isAbandoned = true
                return true
            }
            if isOver { task.cancel() }
        }
    }

    private func tell(_ key: Key, _ event: Event) {
        let observers = state.withLock { $0.underWay[key]?.waiters.values.compactMap(\.observer) ?? [] }
        for observer in observers { observer(event) }
    }

    private func finish(_ key: Key, _ result: Result<Value, any Error>) {
        let work = state.withLock { $0.underWay.removeValue(forKey: key) }
        for waiter in work?.waiters.values ?? [:].values { waiter.continuation.resume(with: result) }
    }
}
