import NIOConcurrencyHelpers

/// Tells those who copy from pipes that the process has ended: what is in the pipes is its last word, even if a process
/// that it left behind holds them open.
public final class DrainSignal: Sendable {
    private struct State {
        var isTriggered = false
        var waiting: [@Sendable () -> Void] = []
    }

    private let state = NIOLockedValueBox(State())

    public init() {}

    public func trigger() {
        let waiting = state.withLockedValue { state in
            state.isTriggered = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for action in waiting { action() }
    }

    /// Runs the action when triggered, or now if that was before.
    func whenTriggered(_ action: @escaping @Sendable () -> Void) {
        let isTriggered = state.withLockedValue { state in
            if !state.isTriggered { state.waiting.append(action) }
            return state.isTriggered
        }
        if isTriggered { action() }
    }
}
