import Cgroups
import CRI
import Linux

extension Node {
    /// What a container uses. CRI, ContainerStats. Of one that does not run, only what it wrote to its file system.
    public func statistics(of container: ContainerRecord) async -> Runtime_V1_ContainerStats {
        let now = Node.now()
        let figures = container.exit == nil ? cgroups.statistics(of: container.cgroupPath) : nil
        let written = try? await rootFileSystems.usage(container.id)
        return .with {
            $0.attributes.id = container.id
            $0.attributes.metadata = container.config.metadata
            $0.attributes.labels = container.config.labels
            $0.attributes.annotations = container.config.annotations
            if let figures {
                $0.cpu = cpu(figures, container.id, now)
                $0.memory = memory(figures, now)
                if let swap = figures.swap {
                    $0.swap.timestamp = now
                    $0.swap.swapUsageBytes.value = swap
                    if let limit = figures.swapLimit { $0.swap.swapAvailableBytes.value = limit > swap ? limit - swap : 0 }
                }
                if let pressure = figures.ioPressure {
                    $0.io.timestamp = now
                    $0.io.psi = pressure.message
                }
            }
            $0.writableLayer.timestamp = now
            $0.writableLayer.fsID.mountpoint = rootFileSystems.mountPoint
            $0.writableLayer.usedBytes.value = written?.bytes ?? 0
            $0.writableLayer.inodesUsed.value = written?.inodes ?? 0
        }
    }

    /// What a pod uses: its containers, its network, and its cgroup. CRI, PodSandboxStats.
    public func statistics(of pod: PodRecord) async -> Runtime_V1_PodSandboxStats {
        let now = Node.now()
        var containers: [Runtime_V1_ContainerStats] = []
        for container in inventory.containers(ofPod: pod.id) where container.phase == .running {
            containers.append(await statistics(of: container))
        }
        let interfaces = pod.phase == .ready ? await networkCounters(of: pod) : []
        let figures = figures(of: pod)
        return .with { stats in
            stats.attributes.id = pod.id
            stats.attributes.metadata = pod.config.metadata
            stats.attributes.labels = pod.config.labels
            stats.attributes.annotations = pod.config.annotations
            stats.linux.containers = containers
            if let figures {
                stats.linux.cpu = cpu(figures, pod.id, now)
                stats.linux.memory = memory(figures, now)
                if let pressure = figures.ioPressure {
                    stats.linux.io.timestamp = now
                    stats.linux.io.psi = pressure.message
                }
            }
            stats.linux.process.timestamp = now
            stats.linux.process.processCount.value = processCount(of: pod)
            if let network = Runtime_V1_NetworkUsage(interfaces, at: now) { stats.linux.network = network }
        }
    }

    /// The figures of the pod's cgroup. Without one of its own, what its containers use together: what ended ones used is not in it.
    private func figures(of pod: PodRecord) -> CgroupStatistics? {
        guard pod.config.linux.cgroupParent.isEmpty else { return cgroups.statistics(of: pod.cgroupParent) }
        let containers = inventory.containers(ofPod: pod.id).filter { $0.exit == nil }
        return CgroupStatistics(sumOf: containers.compactMap { cgroups.statistics(of: $0.cgroupPath) })
    }

    private func cpu(_ figures: CgroupStatistics, _ id: String, _ now: Int64) -> Runtime_V1_CpuUsage {
        .with {
            $0.timestamp = now
            if let pressure = figures.cpuPressure { $0.psi = pressure.message }
            guard let usage = figures.cpu else { return }
            $0.usageCoreNanoSeconds.value = usage
            if let rate = samples.rate(id, usage: usage, time: now) { $0.usageNanoCores.value = rate }
        }
    }

    private func memory(_ figures: CgroupStatistics, _ now: Int64) -> Runtime_V1_MemoryUsage {
        .with {
            $0.timestamp = now
            if let set = figures.workingSet {
                $0.workingSetBytes.value = set
                if let limit = figures.memoryLimit { $0.availableBytes.value = limit > set ? limit - set : 0 }
            }
            if let usage = figures.memory { $0.usageBytes.value = usage }
            $0.rssBytes.value = figures.rss
            $0.pageFaults.value = figures.pageFaults
            $0.majorPageFaults.value = figures.majorPageFaults
            if let pressure = figures.memoryPressure { $0.psi = pressure.message }
        }
    }

    private func processCount(of pod: PodRecord) -> UInt64 {
        inventory.containers(ofPod: pod.id).filter { $0.exit == nil }
            .reduce(0) { $0 + (cgroups.statistics(of: $1.cgroupPath)?.processes ?? 0) }
    }

    func networkCounters(of pod: PodRecord) async -> [NetworkCounters] {
        guard let namespace = pod.namespaces.net else { return [] }
        let text = try? await NetworkNamespace.enter(namespace) { try Files.readText("/proc/thread-self/net/dev") }
        return NetworkCounters.parse(text ?? "")
    }
}

extension Pressure {
    fileprivate var message: Runtime_V1_PsiStats {
        .with {
            if let some { $0.some = some.message }
            if let full { $0.full = full.message }
        }
    }
}

extension Pressure.Figures {
    fileprivate var message: Runtime_V1_PsiData {
        .with {
            $0.total = total
            $0.avg10 = average10
            $0.avg60 = average60
            $0.avg300 = average300
        }
    }
}

extension Runtime_V1_NetworkUsage {
    /// Nil without an interface: a kubelet reads the default one without looking whether it is there.
    /// - Parameter time: nanoseconds since the epoch.
    init?(_ interfaces: [NetworkCounters], at time: Int64) {
        // The name that CNI gives is the default one's; a pod whose plugins chose another has it first.
        guard let place = interfaces.firstIndex(where: { $0.name == "eth0" }) ?? interfaces.indices.first else { return nil }
        self.init()
        timestamp = time
        defaultInterface = interfaces[place].message
        self.interfaces = interfaces.indices.filter { $0 != place }.map { interfaces[$0].message }
    }
}

extension NetworkCounters {
    fileprivate var message: Runtime_V1_NetworkInterfaceUsage {
        .with {
            $0.name = name
            $0.rxBytes.value = receivedBytes
            $0.rxErrors.value = receiveErrors
            $0.txBytes.value = sentBytes
            $0.txErrors.value = sendErrors
        }
    }
}
