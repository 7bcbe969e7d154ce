import Linux

/// How often memory ran out in a cgroup and those below it, as the kernel counts it.
public struct OOMEvents: Sendable, Equatable {
    /// The limit was met and nothing could be taken back. v1 does not count it.
    public var occasions: UInt64 = 0
    /// Processes that were killed for it, by this limit or the host's.
    public var kills: UInt64 = 0

    public init(occasions: UInt64 = 0, kills: UInt64 = 0) {
        self.occasions = occasions
        self.kills = kills
    }

    /// Reads `memory.events` or `memory.events.local`, cgroup-v2.rst; nil where it has neither number.
    public init?(v2 text: String) {
        let table = CgroupStatistics.table(text)
        guard table["oom"] != nil || table["oom_kill"] != nil else { return nil }
        (occasions, kills) = (table["oom"] ?? 0, table["oom_kill"] ?? 0)
    }

    /// Reads `memory.oom_control`; nil where the kernel does not count.
    public init?(v1 text: String) {
        guard let kills = CgroupStatistics.table(text)["oom_kill"] else { return nil }
        self.kills = kills
    }

    /// Whether a container that ended with this code ended out of memory. The kernel notes the occasion, kills, and counts the kill:
    /// where the cgroup went before that could be read, the occasion and the signal say it.
    public func explain(exitCode: Int32) -> Bool { kills > 0 || (occasions > 0 && exitCode == 128 + 9) }

    /// The larger of each: what is known of the same cgroup from two sources.
    public func union(_ other: OOMEvents) -> OOMEvents {
        OOMEvents(occasions: max(occasions, other.occasions), kills: max(kills, other.kills))
    }

    static func + (first: OOMEvents, second: OOMEvents) -> OOMEvents {
        OOMEvents(occasions: first.occasions &+ second.occasions, kills: first.kills &+ second.kills)
    }
}

extension CgroupTree {
    /// What a cgroup's own files tell now; nil where it is gone or has no memory controller. The files are the kernel's: reading does not wait.
    ///
    /// `memory.events` counts what happened below, too, unless the hierarchy is mounted with memory_localevents: then the sum of the
    /// cgroups' own numbers does.
    public func outOfMemoryEvents(of path: String) -> OOMEvents? {
        guard let directory = layout.directory(of: path, controller: "memory") else { return nil }
        switch layout.version {
        case .v1: return Self.sum(directory, "memory.oom_control", OOMEvents.init(v1:))
        case .v2:
            let whole = (try? Files.readText("\(directory)/memory.events")).flatMap(OOMEvents.init(v2:))
            let parts = Self.sum(directory, "memory.events.local", OOMEvents.init(v2:))
            guard let whole else { return parts }
            return parts.map(whole.union) ?? whole
        }
    }

    private static func sum(_ directory: String, _ file: String, _ parse: (String) -> OOMEvents?) -> OOMEvents? {
        let texts = below(directory).compactMap { try? Files.readText("\($0)/\(file)") }
        let all = texts.compactMap(parse)
        return all.isEmpty ? nil : all.reduce(OOMEvents(), +)
    }
}
