/// Limits of a cgroup that no runtime writes for us. What is nil or empty stays as it is; -1 lifts a limit.
public struct CgroupLimits: Sendable, Equatable {
    /// cgroup v1's measure, 2 to 262144.
    public var cpuShares: UInt64?
    /// Microseconds.
    public var cpuQuota: Int64?
    public var cpuPeriod: UInt64?
    /// Bytes.
    public var memory: Int64?
    /// Bytes of memory and swap together.
    public var memoryAndSwap: Int64?
    /// cpuset(7), "List format".
    public var cpus: String?
    public var memoryNodes: String?
    /// Bytes by page size, `2MB`.
    public var hugepages: [String: UInt64] = [:]
    /// Files of cgroup v2 and what to write into them.
    public var unified: [String: String] = [:]

    public init() {}

    /// A file of a cgroup and what to write into it.
    struct File: Equatable {
        /// What comes before the first dot is the controller.
        let name: String
        let text: String

        var controller: String { String(name.prefix { $0 != "." }) }
    }

    /// The files in the order in which the kernel takes them.
    /// - Parameter memoryNow: bytes, the limit that is in force; nil for none. cgroup v1 takes no memory limit above that of memory and
    ///   swap together, so that a rise begins with the latter.
    func files(_ version: CgroupLayout.Version, memoryNow: UInt64? = nil) -> [File] {
        switch version {
        case .v1: v1(memoryNow)
        case .v2: v2
        }
    }

    private func v1(_ memoryNow: UInt64?) -> [File] {
        var files: [File] = []
        func add(_ name: String, _ value: (some CustomStringConvertible)?) {
            if let value { files.append(File(name: name, text: "\(value)")) }
        }
        add("cpu.shares", cpuShares)
        add("cpu.cfs_period_us", cpuPeriod)
        add("cpu.cfs_quota_us", cpuQuota)
        add("cpuset.cpus", cpus)
        add("cpuset.mems", memoryNodes)
        let rises = memory.map { limit in limit < 0 || memoryNow.map { $0 < UInt64(limit) } == true } ?? false
        if rises { add("memory.memsw.limit_in_bytes", memoryAndSwap) }
        add("memory.limit_in_bytes", memory)
        if !rises { add("memory.memsw.limit_in_bytes", memoryAndSwap) }
        for (size, bytes) in hugepages.sorted(by: { $0.key < $1.key }) { add("hugetlb.\(size).limit_in_bytes", bytes) }
        return files
    }

    private var v2: [File] {
        var files: [File] = []
        func add(_ name: String, _ value: String?) { if let value { files.append(File(name: name, text: value)) } }
        func limit(_ value: Int64) -> String { value < 0 ? "max" : "\(value)" }
        add("cpu.weight", cpuShares.map { "\(Self.weight(shares: $0))" })
        if let cpuQuota { add("cpu.max", limit(cpuQuota) + (cpuPeriod.map { " \($0)" } ?? "")) }
        add("cpuset.cpus", cpus)
        add("cpuset.mems", memoryNodes)
        add("memory.max", memory.map(limit))
        if let memoryAndSwap {
            // v2 counts swap alone. Of a sum without a memory limit nothing can be told.
            if memoryAndSwap < 0 {
                add("memory.swap.max", "max")
            } else if let memory, memory >= 0 {
                add("memory.swap.max", "\(max(0, memoryAndSwap - memory))")
            }
        }
        for (size, bytes) in hugepages.sorted(by: { $0.key < $1.key }) { add("hugetlb.\(size).max", "\(bytes)") }
        // Last, so that what is asked for by the file's own name wins.
        for (name, value) in unified.sorted(by: { $0.key < $1.key }) { add(name, value) }
        return files
    }

    /// Shares of v1, 2 to 262144, as weight of v2, 1 to 10000: on a straight line, as Kubernetes does for the pods' cgroups.
    public static func weight(shares: UInt64) -> UInt64 {
        let shares = min(max(shares, 2), 262_144)
        return 1 + (shares - 2) * 9999 / 262_142
    }
}
