import NIOConcurrencyHelpers

/// The backend's calls that have not returned. A server that ends waits for them: they end what they have started.
final class RunningCalls: Sendable {
    private struct State {
        var count = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = NIOLockedValueBox(State())

    func during<R>(_ body: () async throws -> R) async rethrows -> R {
        state.withLockedValue { $0.count += 1 }
        defer { end() }
        return try await body()
    }

    /// Suspends until none is left.
    func allEnded() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLockedValue { state in
                if state.count > 0 { state.waiting.append(continuation) }
                return state.count == 0
            }
            if isDone { continuation.resume() }
        }
    }

    private func end() {
        let waiting = state.withLockedValue { state in
            state.count -= 1
            guard state.count == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
