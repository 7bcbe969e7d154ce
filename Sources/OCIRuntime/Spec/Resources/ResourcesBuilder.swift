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
        var resources = Spec.Resources()
        resources.cpu = cpu(request)
        resources.memory = try memory(request)
        // The kubelet sends these always; a host without the controller has nothing to limit.
        let pages = request.hugepageLimits.filter { host.hugepageSizes.contains($0.pageSize) }
        resources.hugepageLimits = pages.isEmpty ? nil : pages.map { .init(pageSize: $0.pageSize, limit: $0.limit) }
        if !request.unified.isEmpty {
            guard host.cgroupV2 else {
                throw .unsupported(
                    "unified resources (\(request.unified.keys.sorted().joined(separator: ", "))) need cgroup v2, and this host runs cgroup v1"
                )
            }
            resources.unified = request.unified
        }
        return resources
    }

    private func cpu(_ request: Runtime_V1_LinuxContainerResources) -> Spec.CPU? {
        var cpu = Spec.CPU()
        if request.cpuShares > 0 { cpu.shares = UInt64(request.cpuShares) }
        if request.cpuQuota != 0 { cpu.quota = request.cpuQuota }
        if request.cpuPeriod > 0 { cpu.period = UInt64(request.cpuPeriod) }
        cpu.cpus = request.cpusetCpus.nonEmpty
        cpu.mems = request.cpusetMems.nonEmpty
        return cpu == Spec.CPU() ? nil : cpu
    }

    /// Bytes that a container needs to start at all.
    static let leastMemory: Int64 = 512 << 10

    private func memory(_ request: Runtime_V1_LinuxContainerResources) throws(SpecError) -> Spec.Memory? {
        let limit = request.memoryLimitInBytes
        guard limit != 0 else { return nil }
        guard limit < 0 || limit >= Self.leastMemory else {
            throw .invalid("the memory limit of \(limit) bytes is below the \(Self.leastMemory) that a container needs to start")
        }
        var memory = Spec.Memory(limit: limit)
        if host.swapAccounting {
            // Without a word on swap the container gets none: as much of both together as of memory alone.
            memory.swap = request.memorySwapLimitInBytes != 0 ? request.memorySwapLimitInBytes : limit
        }
        return memory
    }
}
