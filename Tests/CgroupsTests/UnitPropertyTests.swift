import Testing

@testable import Cgroups

@Suite struct UnitPropertyTests {
    @Test func limitsOfASlice() {
        var limits = CgroupLimits()
        (limits.cpuShares, limits.cpuQuota, limits.cpuPeriod) = (256, 30000, 60000)
        (limits.memory, limits.memoryAndSwap) = (100, 150)
        (limits.cpus, limits.memoryNodes) = ("0-1,9", "0")
        (limits.hugepages, limits.unified) = (["2MB": 1], ["memory.high": "5"])
        #expect(
            UnitProperty.properties(limits, .v2) == [
                UnitProperty("CPUWeight", .number(10)), UnitProperty("MemoryMax", .number(100)), UnitProperty("MemorySwapMax", .number(50)),
                UnitProperty("AllowedCPUs", .mask([3, 2])), UnitProperty("AllowedMemoryNodes", .mask([1])),
                UnitProperty("CPUQuotaPerSecUSec", .number(500_000)), UnitProperty("CPUQuotaPeriodUSec", .number(60000)),
            ])
        #expect(UnitProperty.properties(limits, .v1).map(\.name) == ["CPUShares", "MemoryLimit", "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec"])
        let rest = limits.withoutUnitProperties
        #expect(rest.memory == nil && rest.cpuShares == nil && rest.hugepages == ["2MB": 1] && rest.unified == ["memory.high": "5"])
    }

    @Test func minusOneLifts() {
        var limits = CgroupLimits()
        (limits.cpuQuota, limits.memory, limits.memoryAndSwap) = (-1, -1, -1)
        #expect(UnitProperty.properties(limits, .v2).allSatisfy { $0.value == .number(.max) })
        #expect(UnitProperty.properties(CgroupLimits(), .v2).isEmpty)
    }

    @Test func quotasAreRoundedUpToWhatSystemdCounts() {
        var limits = CgroupLimits()
        (limits.cpuQuota, limits.cpuPeriod) = (12345, 100_000)
        #expect(UnitProperty.properties(limits, .v2).first?.value == .number(130_000))
        limits.cpuQuota = .max
        #expect(UnitProperty.properties(limits, .v2).first?.value == .number(.max))
    }

    @Test(arguments: ["", "a", "1-", "-1", "3-1", "1,,x", "8192", "0-99999999999999999999"])
    func listsThatAreNone(_ list: String) { #expect(UnitProperty.mask(list) == nil) }
}

@Suite struct CgroupPlacesTests {
    @Test func scopesOfInitsAndMonitors() {
        let systemd = CgroupNames(driver: .systemd)
        let initPath = systemd.initPath(parent: "a-b.slice", podID: "p")
        #expect(systemd.fileSystemPath(initPath) == "/a.slice/a-b.slice/swiftlet-p.scope" && systemd.scope(of: initPath) == "swiftlet-p.scope")
        let monitor = systemd.monitorPath(parent: "system.slice", containerID: "c")
        #expect(systemd.fileSystemPath(monitor) == "/system.slice/swiftlet-conmon-c.scope")
        #expect(systemd.scope(of: monitor) == "swiftlet-conmon-c.scope" && systemd.scope(of: "a-b.slice") == nil)
        let cgroupfs = CgroupNames(driver: .cgroupfs)
        #expect(cgroupfs.monitorPath(parent: "/pods/p", containerID: "c") == "/pods/p/swiftlet-conmon-c")
        #expect(cgroupfs.initPath(parent: "/", podID: "p") == "/swiftlet-p" && cgroupfs.scope(of: "/pods/p") == nil)
    }

    @Test func lineage() {
        #expect(CgroupNames(driver: .systemd).lineage(ofParent: "a-b-c.slice") == ["a-b-c.slice", "a-b.slice", "a.slice"])
        #expect(CgroupNames(driver: .systemd).lineage(ofParent: "-.slice") == [])
        #expect(CgroupNames(driver: .cgroupfs).lineage(ofParent: "/a/b") == ["/a/b", "/a"])
        #expect(CgroupNames(driver: .cgroupfs).lineage(ofParent: "/") == [])
    }

    @Test(arguments: ["", ".slice", "a--b.slice", "-a.slice", "a-.slice", "a b.slice", "a/b.slice", "a.scope", String(repeating: "a", count: 260) + ".slice"])
    func namesThatAreNoSlices(_ name: String) { #expect(!CgroupNames.isSlice(name)) }

    @Test func monitorsCgroups() throws {
        for text in ["", "pod"] {
            #expect(try MonitorCgroup(text, driver: .systemd) == .pod && MonitorCgroup(text, driver: .cgroupfs) == .pod)
        }
        #expect(try MonitorCgroup("system.slice", driver: .systemd).parent(ofPod: "a.slice") == "system.slice")
        #expect(MonitorCgroup.pod.parent(ofPod: "a.slice") == "a.slice")
        for (text, driver) in [("system.slice", .cgroupfs), ("/x", .cgroupfs), ("/x", .systemd), ("pods", .systemd)] as [(String, CgroupDriver)] {
            #expect(throws: CgroupNameError.self) { try MonitorCgroup(text, driver: driver) }
        }
    }
}
