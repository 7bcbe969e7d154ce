import Linux
import Testing

@testable import Cgroups

@Suite struct CgroupLimitsTests {
    private func lines(_ version: CgroupLayout.Version, now: UInt64? = nil, _ change: (inout CgroupLimits) -> Void) -> [String] {
        var limits = CgroupLimits()
        change(&limits)
        return limits.files(version, memoryNow: now).map { "\($0.name) \($0.text)" }
    }

    @Test func everyLimitOnBothVersions() {
        func all(_ limits: inout CgroupLimits) {
            (limits.cpuShares, limits.cpuQuota, limits.cpuPeriod) = (1024, 50000, 100_000)
            (limits.memory, limits.memoryAndSwap) = (1 << 20, 3 << 20)
            (limits.cpus, limits.memoryNodes) = ("0-1", "0")
            limits.hugepages = ["2MB": 4, "1GB": 8]
        }
        #expect(
            lines(.v1, all) == [
                "cpu.shares 1024", "cpu.cfs_period_us 100000", "cpu.cfs_quota_us 50000", "cpuset.cpus 0-1", "cpuset.mems 0",
                "memory.limit_in_bytes 1048576", "memory.memsw.limit_in_bytes 3145728", "hugetlb.1GB.limit_in_bytes 8",
                "hugetlb.2MB.limit_in_bytes 4",
            ])
        #expect(
            lines(.v2, all) == [
                "cpu.weight 39", "cpu.max 50000 100000", "cpuset.cpus 0-1", "cpuset.mems 0", "memory.max 1048576",
                "memory.swap.max 2097152", "hugetlb.1GB.max 8", "hugetlb.2MB.max 4",
            ])
        #expect(lines(.v1) { _ in } == [] && lines(.v2) { _ in } == [])
    }

    @Test func minusOneLifts() {
        func lift(_ limits: inout CgroupLimits) { (limits.cpuQuota, limits.memory, limits.memoryAndSwap) = (-1, -1, -1) }
        #expect(lines(.v1, now: 5, lift) == ["cpu.cfs_quota_us -1", "memory.memsw.limit_in_bytes -1", "memory.limit_in_bytes -1"])
        #expect(lines(.v2, lift) == ["cpu.max max", "memory.max max", "memory.swap.max max"])
    }

    @Test func memoryAndSwapInTheKernelsOrder() {
        func set(_ limits: inout CgroupLimits) { (limits.memory, limits.memoryAndSwap) = (100, 200) }
        let rise = ["memory.memsw.limit_in_bytes 200", "memory.limit_in_bytes 100"]
        #expect(lines(.v1, now: 50, set) == rise)
        #expect(lines(.v1, now: 150, set) == rise.reversed() && lines(.v1, now: nil, set) == rise.reversed())
    }

    @Test func unifiedFilesComeLast() {
        #expect(
            lines(.v2) {
                $0.memory = 100
                $0.unified = ["memory.max": "max", "memory.high": "80"]
            } == ["memory.max 100", "memory.high 80", "memory.max max"])
        #expect(lines(.v1) { $0.unified = ["memory.high": "1"] } == [])
    }

    @Test(arguments: [(0, 1), (2, 1), (1024, 39), (262_144, 10000), (.max, 10000)] as [(UInt64, UInt64)])
    func sharesAsWeight(_ shares: UInt64, _ weight: UInt64) { #expect(CgroupLimits.weight(shares: shares) == weight) }

    @Test func limitsAreWrittenIntoTheFiles() throws {
        let directory = try TemporaryTree(["memory.max": "max\n", "cpu.max": "max 100000\n"], below: "pod")
        defer { directory.remove() }
        let tree = CgroupTree(layout: CgroupLayout(version: .v2, unified: directory.path))
        var limits = CgroupLimits()
        (limits.memory, limits.cpuQuota) = (4096, 5000)
        try tree.apply(limits, to: "/pod")
        #expect(try Files.readText("\(directory.path)/pod/memory.max") == "4096")
        #expect(try Files.readText("\(directory.path)/pod/cpu.max") == "5000")
        limits.cpus = "0"
        #expect(throws: SystemError.self) { try tree.apply(limits, to: "/pod") }
        // A controller that the host lacks has nothing to limit.
        let v1 = CgroupTree(layout: CgroupLayout(version: .v1, controllers: ["cpu": directory.path]))
        limits = CgroupLimits()
        limits.hugepages = ["2MB": 1]
        try v1.apply(limits, to: "/pod")
    }
}
