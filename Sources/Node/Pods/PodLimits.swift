import Cgroups
import CRI
import OCIRuntime

/// What a pod's cgroup is to hold: what its containers may take in sum, and what the pod takes beside them. CRI, LinuxPodSandboxConfig.
struct PodLimits {
    let resources: Runtime_V1_LinuxContainerResources
    let overhead: Runtime_V1_LinuxContainerResources

    init(_ config: Runtime_V1_LinuxPodSandboxConfig) { (resources, overhead) = (config.resources, config.overhead) }

    /// - Throws: `SpecError`.
    func check(_ host: SpecHost) throws(SpecError) {
        try ResourcesCheck(host: host).check(resources)
        try ResourcesCheck(host: host).check(overhead, leastMemory: 0)
    }

    /// The limits as the cgroup's files take them.
    func cgroup(_ host: SpecHost) -> CgroupLimits {
        var limits = CgroupLimits()
        let (shares, overflow) = resources.cpuShares.addingReportingOverflow(overhead.cpuShares)
        if overflow || shares > 0 { limits.cpuShares = overflow ? 262_144 : UInt64(min(shares, 262_144)) }
        if resources.cpuPeriod > 0 { limits.cpuPeriod = UInt64(resources.cpuPeriod) }
        limits.cpuQuota = sum(resources.cpuQuota, overheadQuota)
        limits.memory = sum(resources.memoryLimitInBytes, overhead.memoryLimitInBytes)
        if host.swapAccounting { limits.memoryAndSwap = sum(resources.memorySwapLimitInBytes, overhead.memoryLimitInBytes) }
        if !resources.cpusetCpus.isEmpty { limits.cpus = resources.cpusetCpus }
        if !resources.cpusetMems.isEmpty { limits.memoryNodes = resources.cpusetMems }
        for page in resources.hugepageLimits + overhead.hugepageLimits where host.hugepageSizes.contains(page.pageSize) {
            let (total, overflow) = limits.hugepages[page.pageSize, default: 0].addingReportingOverflow(page.limit)
            limits.hugepages[page.pageSize] = overflow ? .max : total
        }
        limits.unified = overhead.unified.merging(resources.unified) { $1 }
        return limits
    }

    /// The pod's own share beside a limit; nil where there is no word on one, and -1 where there is to be none.
    private func sum(_ limit: Int64, _ more: Int64) -> Int64? {
        guard limit > 0 else { return limit == 0 ? nil : -1 }
        let (total, overflow) = limit.addingReportingOverflow(max(0, more))
        return overflow ? -1 : total
    }

    /// In the period of the containers' quota. The kernel's own period is 100 ms.
    private var overheadQuota: Int64 {
        guard overhead.cpuQuota > 0 else { return 0 }
        func period(_ value: Int64) -> Double { value > 0 ? Double(value) : 100_000 }
        return Int64((Double(overhead.cpuQuota) * period(resources.cpuPeriod) / period(overhead.cpuPeriod)).rounded(.up).clamped)
    }
}

extension Double {
    /// Within what an `Int64` takes.
    fileprivate var clamped: Double { Swift.min(self, 9e18) }
}
