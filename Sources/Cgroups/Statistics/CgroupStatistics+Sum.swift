extension CgroupStatistics {
    /// What several cgroups use together. Limits and waiting times do not add up and are left out.
    public init(sumOf parts: [CgroupStatistics]) {
        func sum(_ path: KeyPath<CgroupStatistics, UInt64?>) -> UInt64 { parts.reduce(0) { $0 &+ ($1[keyPath: path] ?? 0) } }
        func sum(_ path: KeyPath<CgroupStatistics, UInt64>) -> UInt64 { parts.reduce(0) { $0 &+ $1[keyPath: path] } }
        cpu = sum(\.cpu)
        memory = sum(\.memory)
        inactiveFile = sum(\.inactiveFile)
        rss = sum(\.rss)
        pageFaults = sum(\.pageFaults)
        majorPageFaults = sum(\.majorPageFaults)
        swap = sum(\.swap)
        processes = sum(\.processes)
    }
}
