import Synchronization

/// How long a piece of work on a thread of its own may go on: until an instant, or until it is told to stop.
public final class WorkLimit: Sendable {
    private let deadline: ContinuousClock.Instant
    private let isOver = Atomic(false)

    public init(_ deadline: ContinuousClock.Instant) { self.deadline = deadline }

    /// Tells the work to stop at its next step.
    public func stop() { isOver.store(true, ordering: .relaxed) }

    /// The time that is left, never less than none.
    public var rest: Duration { max(.zero, deadline - .now) }

    /// Asked between steps.
    /// - Throws: `CheckpointError.outOfTime`.
    func check(_ doing: String) throws(CheckpointError) {
        if isOver.load(ordering: .relaxed) || ContinuousClock.now >= deadline { throw .outOfTime(doing) }
    }
}
