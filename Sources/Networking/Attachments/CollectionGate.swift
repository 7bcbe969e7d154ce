import Synchronization

/// Keeps GC apart from all other commands, CNI specification 1.1, section 2, "GC": it runs while no pod is put on the network or taken off.
///
/// It waits for a moment in which nothing runs, and holds nobody up while it waits.
final class CollectionGate: Sendable {
    private struct State {
        var running = 0
        var collects = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var collectors: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Runs a command that is about a pod; not while garbage is collected.
    func command<R>(_ body: () async throws(NetworkError) -> R) async throws(NetworkError) -> R {
        await withCheckedContinuation { continuation in
            let admitted = state.withLock { state in
                guard !state.collects else {
                    state.waiting.append(continuation)
                    return false
                }
                state.running += 1
                return true
            }
            if admitted { continuation.resume() }
        }
        defer { leave() }
        return try await body()
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.running -= 1
            guard state.running == 0, !state.collectors.isEmpty else { return nil }
            state.collects = true
            return state.collectors.removeFirst()
        }
        next?.resume()
    }

    /// Runs a collection, alone.
    func collection<R>(_ body: () async throws(NetworkError) -> R) async throws(NetworkError) -> R {
        await withCheckedContinuation { continuation in
            let admitted = state.withLock { state in
                guard state.running == 0, !state.collects else {
                    state.collectors.append(continuation)
                    return false
                }
                state.collects = true
                return true
            }
            if admitted { continuation.resume() }
        }
        defer { endCollection() }
        return try await body()
    }

    private func endCollection() {
        let next = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            if state.waiting.isEmpty, !state.collectors.isEmpty { return [state.collectors.removeFirst()] }
            state.collects = false
            let next = state.waiting
            (state.waiting, state.running) = ([], state.running + next.count)
            return next
        }
        next.forEach { $0.resume() }
    }
}
