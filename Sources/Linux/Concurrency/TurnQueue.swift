import Glibc
import Synchronization

/// Lets so many pieces of work run at once; the others wait in the order in which they came.
///
/// It bounds work that needs the CPU. Work that holds its place for longer than that can take waits for something else: its place goes to
/// the next one, while it goes on.
public final class TurnQueue: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>
    private let limit: Duration?

    /// - Parameters:
    ///   - places: How much runs at once.
    ///   - limit: How long work holds its place at the most; nil for as long as it lasts.
    public init(places: Int, limit: Duration? = nil) {
        state = Mutex(State(free: max(1, places)))
        self.limit = limit
    }

    /// How many wait.
    public var waiting: Int { state.withLock { $0.waiting.count } }

    var free: Int { state.withLock { $0.free } }

    /// The CPUs of this host that are online.
    public static var cpus: Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }

    /// Runs `body` when its turn has come. One who is cancelled while waiting takes its turn, and finds out inside.
    public func run<R, E: Error>(_ body: () async throws(E) -> R) async throws(E) -> R {
        await enter()
        let place = Place(queue: self)
        let clock = limit.map { limit in
            Task {
                try await Task.sleep(for: limit)
                place.leave()
            }
        }
        defer {
            clock?.cancel()
            place.leave()
        }
        return try await body()
    }

    private func enter() async {
        await withCheckedContinuation { continuation in
            let admitted = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if admitted { continuation.resume() }
        }
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }

    /// A place that is left once.
    private final class Place: Sendable {
        private let queue: TurnQueue
        private let isHeld = Mutex(true)

        init(queue: TurnQueue) { self.queue = queue }

        func leave() {
            let wasHeld = isHeld.withLock { held in
                defer { held = false }
                return held
            }
            if wasHeld { queue.leave() }
        }
    }
}
