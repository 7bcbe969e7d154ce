import Synchronization

/// Tells which phase of a piece of work is under way and for how long: what a caller wants to know whose time is up.
public final class PhaseTracker: Sendable {
    private struct Current {
        let phase: String
        let since: ContinuousClock.Instant
    }

    private let current = Mutex<Current?>(nil)

    public init() {}

    public func begin(_ phase: String) { current.withLock { $0 = Current(phase: phase, since: .now) } }
    public func end() { current.withLock { $0 = nil } }

    /// `the phase 'network' has been running for 1203.4 ms`.
    public var report: String {
        guard let now = current.withLock({ $0 }) else { return "it was waiting for its turn" }
        return "the phase '\(now.phase)' has been running for \(Timeline.milliseconds(.now - now.since))"
    }
}

/// The trackers of what is under way, by the work's name: callers that join one piece of work share its tracker.
public final class PhaseTrackers: Sendable {
    private struct Weak: Sendable { weak let tracker: PhaseTracker? }
    private let trackers = Mutex<[String: Weak]>([:])

    public init() {}

    public func tracker(_ name: String) -> PhaseTracker {
        trackers.withLock { trackers in
            if let known = trackers[name]?.tracker { return known }
            trackers = trackers.filter { $0.value.tracker != nil }
            let tracker = PhaseTracker()
            trackers[name] = Weak(tracker: tracker)
            return tracker
        }
    }
}
