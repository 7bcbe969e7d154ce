import CRI
import OCI
import Testing

@testable import OCIRuntime

@Suite struct ResourcesTests {
    private static let v1 = SpecHost(cgroupV2: false, boundingSet: [])
    private static let v2 = SpecHost(cgroupV2: true, hugepageSizes: ["2MB"], boundingSet: [])

    private func build(
        _ host: SpecHost = Self.v1, _ change: (inout Runtime_V1_LinuxContainerResources) -> Void
    ) throws(SpecError) -> Spec.Resources {
        var request = Runtime_V1_LinuxContainerResources()
        change(&request)
        return try ResourcesBuilder(host: host, settings: SpecSettings(pidsLimit: 50)).build(request)
    }

    private func inForce(
        _ host: SpecHost = Self.v1, _ change: (inout Runtime_V1_LinuxContainerResources) -> Void
    ) -> Runtime_V1_LinuxContainerResources {
        var request = Runtime_V1_LinuxContainerResources()
        change(&request)
        return ResourcesBuilder(host: host, settings: SpecSettings()).inForce(request)
    }

    @Test func limitsAreTakenOver() throws {
        let resources = try build {
            $0.cpuShares = 512
            $0.cpuQuota = 10000
            $0.cpuPeriod = 100_000
            $0.cpusetCpus = "0-1"
            $0.cpusetMems = "0"
            $0.memoryLimitInBytes = 1 << 20
        }
        #expect(resources.cpu?.shares == 512 && resources.cpu?.quota == 10000 && resources.cpu?.period == 100_000)
        #expect(resources.cpu?.cpus == "0-1" && resources.cpu?.mems == "0")
        #expect(resources.memory == .init(limit: 1 << 20, swap: 1 << 20))
        #expect(resources.pids?.limit == 50)
        let none = try build { _ in }
        #expect(none.memory == nil && none.cpu == nil && none.hugepageLimits == nil && none.unified == nil)
    }

    @Test func minusOneLifts() throws {
        let resources = try build {
            $0.cpuQuota = -1
            $0.memoryLimitInBytes = -1
        }
        #expect(resources.cpu?.quota == -1 && resources.memory == .init(limit: -1, swap: -1))
        #expect(try build { $0.memorySwapLimitInBytes = -1 }.memory == .init(swap: -1))
        let both = try build {
            $0.memoryLimitInBytes = 1 << 20
            $0.memorySwapLimitInBytes = 3 << 20
        }
        #expect(both.memory == .init(limit: 1 << 20, swap: 3 << 20))
    }

    @Test func hugepagesWithoutAControllerAreLeftOut() throws {
        let page = Runtime_V1_HugepageLimit.with {
            $0.pageSize = "2MB"
            $0.limit = 4
        }
        #expect(try build { $0.hugepageLimits = [page] }.hugepageLimits == nil)
        #expect(try build(Self.v2) { $0.hugepageLimits = [page] }.hugepageLimits == [.init(pageSize: "2MB", limit: 4)])
        #expect(inForce { $0.hugepageLimits = [page] }.hugepageLimits == [])
        #expect(inForce(Self.v2) { $0.hugepageLimits = [page] }.hugepageLimits == [page])
    }

    @Test func unifiedFilesNeedV2() throws {
        #expect { try build { $0.unified = ["memory.high": "1"] } } throws: { if case SpecError.unsupported = $0 { true } else { false } }
        let files = ["memory.high": "1", "memory.min": "0", "memory.low": "max", "pids.max": "9"]
        let resources = try build(Self.v2) { $0.unified = files }
        #expect(resources.unified == files && resources.pids == nil)
        for name in ["../../x", "a/b.c", "memory", ".high", "cgroup.procs", ""] {
            #expect(throws: SpecError.self, "\(name)") { try build(Self.v2) { $0.unified = [name: "1"] } }
        }
    }

    @Test func whatIsInForceShowsWhatWasFilledIn() {
        #expect(inForce { $0.memoryLimitInBytes = 1 << 20 }.memorySwapLimitInBytes == 1 << 20)
        #expect(
            inForce(SpecHost(cgroupV2: true, boundingSet: [], swapAccounting: false)) {
                $0.memoryLimitInBytes = 1 << 20
                $0.memorySwapLimitInBytes = 2 << 20
            }.memorySwapLimitInBytes == 0)
        #expect(inForce(SpecHost(cgroupV2: false, boundingSet: [], oomScoreFloor: -5)) { $0.oomScoreAdj = -900 }.oomScoreAdj == -5)
        let kept = inForce {
            $0.cpuShares = 3
            $0.cpusetCpus = "1"
        }
        #expect(kept.cpuShares == 3 && kept.cpusetCpus == "1" && kept.memoryLimitInBytes == 0)
    }

    @Test(
        arguments: [
            { $0.cpuShares = 1 }, { $0.cpuShares = 262_145 }, { $0.cpuShares = -2 }, { $0.cpuPeriod = 999 }, { $0.cpuPeriod = 1_000_001 },
            { $0.cpuQuota = 999 }, { $0.cpuQuota = -2 }, { $0.memoryLimitInBytes = 1000 }, { $0.memoryLimitInBytes = -2 },
            { $0.memorySwapLimitInBytes = -2 }, { $0.memorySwapLimitInBytes = 1 << 20 }, { $0.oomScoreAdj = 1001 }, { $0.oomScoreAdj = -1001 },
            {
                $0.memoryLimitInBytes = 2 << 20
                $0.memorySwapLimitInBytes = 1 << 20
            },
            { $0.cpusetCpus = "0-" }, { $0.cpusetCpus = "1-0" }, { $0.cpusetCpus = "a" }, { $0.cpusetCpus = "0,,1" }, { $0.cpusetMems = "-1" },
            { $0.cpusetMems = "0-1-2" }, { $0.cpusetCpus = " 1" }, { $0.cpusetCpus = "99999" },
        ] as [@Sendable (inout Runtime_V1_LinuxContainerResources) -> Void])
    func whatTheKernelWouldNotTakeIsTheCallersError(_ change: @Sendable (inout Runtime_V1_LinuxContainerResources) -> Void) {
        #expect { try build(Self.v1, change) } throws: { if case SpecError.invalid = $0 { true } else { false } }
    }

    @Test func listsOfProcessors() {
        for list in ["0", "0-3", "0,2-4,7", "3,1"] { #expect(ResourcesCheck.isList(list), "\(list)") }
    }
}
