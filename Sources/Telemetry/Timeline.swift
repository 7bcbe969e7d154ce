import Synchronization

/// Where the time of one piece of work went: named phases, one after the other or at once.
public struct Timeline: Sendable {
    public struct Phase: Sendable, Equatable {
        public let name: String
        /// From the timeline's beginning.
        public let start: Duration
        /// Nil while it lasts.
        public var duration: Duration?
    }

    public let name: String
    public private(set) var phases: [Phase] = []
    private let origin: ContinuousClock.Instant

    public init(name: String, origin: ContinuousClock.Instant = .now) {
        self.name = name
        self.origin = origin
    }

    /// Begins a phase. One of the same name that lasts ends first.
    public mutating func begin(_ phase: String, at now: ContinuousClock.Instant = .now) {
        end(phase, at: now)
        phases.append(Phase(name: phase, start: now - origin, duration: nil))
    }

    /// Ends the phase; one that does not last is left.
    public mutating func end(_ phase: String, at now: ContinuousClock.Instant = .now) {
        guard let index = phases.lastIndex(where: { $0.name == phase && $0.duration == nil }) else { return }
        phases[index].duration = now - origin - phases[index].start
    }

    /// A line a phase: its name, when it began, how long it took, in milliseconds.
    public var table: String {
        let width = phases.map(\.name.count).max() ?? 0
        let lines = phases.map { phase in
            let name = phase.name + String(repeating: " ", count: width - phase.name.count)
            return "  \(name)  +\(Self.milliseconds(phase.start))  \(phase.duration.map(Self.milliseconds) ?? "…")"
        }
        return ([name] + lines).joined(separator: "\n")
    }

    /// `12.3 ms`.
    public static func milliseconds(_ duration: Duration) -> String {
        let tenths = duration.components.seconds * 10_000 + duration.components.attoseconds / 100_000_000_000_000
        return "\(tenths / 10).\(tenths % 10) ms"
    }
}

/// The timelines of the node's pods and containers, by id.
public final class TimelineRecorder: Sendable {
    private let timelines = Mutex<[String: Timeline]>([:])

    public init() {}

    public func record(_ timeline: Timeline, for id: String) { timelines.withLock { $0[id] = timeline } }
    public func timeline(of id: String) -> Timeline? { timelines.withLock { $0[id] } }
    public func forget(_ id: String) { _ = timelines.withLock { $0.removeValue(forKey: id) } }
}
