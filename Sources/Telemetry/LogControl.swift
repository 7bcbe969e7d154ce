import Logging
import Synchronization

/// What the log has of what is said; it may change at any time.
public final class LogControl: Sendable {
    private struct State {
        var level: Logger.Level
        var filter: (@Sendable (String) -> Bool)?
    }

    private let state: Mutex<State>

    public init(level: Logger.Level) { state = Mutex(State(level: level)) }

    /// From which level on.
    public var level: Logger.Level { state.withLock { $0.level } }

    /// - Parameter filter: whether a message is logged; nil for all.
    public func set(level: Logger.Level, filter: (@Sendable (String) -> Bool)? = nil) {
        state.withLock { $0 = State(level: level, filter: filter) }
    }

    func passes(_ message: String) -> Bool { state.withLock { $0.filter }?(message) ?? true }
}
