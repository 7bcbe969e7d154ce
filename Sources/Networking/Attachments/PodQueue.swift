import Synchronization

/// Runs work on one pod one after the other, in the order of asking; work on different pods runs at once.
///
/// The work does not belong to the caller's task: a plugin that is stopped halfway leaves what nobody knows of, so a
/// cancelled caller waits for the end all the same.
final class PodQueue: Sendable {
    private struct Tail {
        let number: UInt64
        let done: @Sendable () async -> Void
    }

    private struct State {
        var tails: [String: Tail] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    func run<R: Sendable>(
        _ podID: String, _ body: @escaping @Sendable () async throws(NetworkError) -> R
    ) async throws(NetworkError) -> R {
        let (number, task) = state.withLock { state in
            let before = state.tails[podID]?.done
            let task = Task.detached { () -> Result<R, NetworkError> in
                await before?()
                do throws(NetworkError) { return .success(try await body()) } catch { return .failure(error) }
            }
            state.next += 1
            state.tails[podID] = Tail(number: state.next) { _ = await task.value }
            return (state.next, task)
        }
        let result = await task.value
        state.withLock { state in
            if state.tails[podID]?.number == number { state.tails[podID] = nil }
        }
        return try result.get()
    }

    /// Pods with work under way or waiting.
    var count: Int { state.withLock { $0.tails.count } }
}
