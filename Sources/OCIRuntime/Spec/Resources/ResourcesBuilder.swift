import CRI
import OCI

/// The CRI's limits as the runtime specification writes them, for creation and for updates alike.
public struct ResourcesBuilder: Sendable {
    let host: SpecHost
    let settings: SpecSettings

    public init(host: SpecHost, settings: SpecSettings) {
        self.host = host
        self.settings = settings
    }

    /// Zero and empty mean "not asked for". CRI, LinuxContainerResources.
    /// - Throws: `SpecError`.
    public func build(_ request: Runtime_V1_LinuxContainerResources) throws(SpecError) -> Spec.Resources {
        var resources = try limits(request)
        if let limit = settings.pidsLimit, limit != 0, request.unified["pids.max"] == nil { resources.pids = .init(limit: limit) }
        return resources
    }

    /// The limits alone, without what the configuration adds at creation.
    public func limits(_ request: Runtime_V1_LinuxContainerResources) throws(SpecError) -> Spec.Resources {
        try ResourcesCheck(host: host).check(request)
        var resources = Spec.Resources()
        resources.cpu = cpu(request)
        resources.memory = memory(request)
        let pages = hugepages(request)
        resources.hugepageLimits = pages.isEmpty ? nil : pages.map { .init(pageSize: $0.pageSize, limit: $0.limit) }
        resources.unified = request.unified.isEmpty ? nil : request.unified
        return resources
    }

    /// The limits as they come into force: what `limits` fills in or leaves out shows.
    public func inForce(_ request: Runtime_V1_LinuxContainerResources) -> Runtime_V1_LinuxContainerResources {
        var result = request
        let memory = memory(request)
        result.memoryLimitInBytes = memory?.limit ?? 0
        result.memorySwapLimitInBytes = memory?.swap ?? 0
        result.hugepageLimits = hugepages(request)
        result.oomScoreAdj = Int64(score(request))
        return result
    }

    /// The score by which the kernel chooses whom to kill, not below what the daemon may set. CRI, oom_score_adj.
    public func score(_ request: Runtime_V1_LinuxContainerResources) -> Int {
        max(Int(clamping: request.oomScoreAdj), host.oomScoreFloor)
    }

    private func cpu(_ request: Runtime_V1_LinuxContainerResources) -> Spec.CPU? {
        var cpu = Spec.CPU()
        // With cgroup v2 the runtimes make a weight of the shares.
        if request.cpuShares > 0 { cpu.shares = UInt64(request.cpuShares) }
        if request.cpuQuota != 0 { cpu.quota = request.cpuQuota }
        if request.cpuPeriod > 0 { cpu.period = UInt64(request.cpuPeriod) }
        cpu.cpus = request.cpusetCpus.nonEmpty
        cpu.mems = request.cpusetMems.nonEmpty
        return cpu == Spec.CPU() ? nil : cpu
    }

    private func memory(_ request: Runtime_V1_LinuxContainerResources) -> Spec.Memory? {
        let (limit, swap) = (request.memoryLimitInBytes, request.memorySwapLimitInBytes)
        guard limit != 0 || swap != 0 else { return nil }
        var memory = Spec.Memory()
        if limit != 0 { memory.limit = limit }
        // Without a word on swap the container gets none: as much of both together as of memory alone.
        if host.swapAccounting { memory.swap = swap != 0 ? swap : limit }
        return memory == Spec.Memory() ? nil : memory
    }

    /// The kubelet sends these always; a host without the controller has nothing to limit.
    private func hugepages(_ request: Runtime_V1_LinuxContainerResources) -> [Runtime_V1_HugepageLimit] {
        request.hugepageLimits.filter { host.hugepageSizes.contains($0.pageSize) }
    }
}
