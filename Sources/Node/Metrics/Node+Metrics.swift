import CRI
import Glibc
import Linux

extension Node {
    private var metricGroups: [MetricGroup] { MetricGroup.allCases.filter { $0 == .presence || settings.metricGroups.contains($0) } }

    /// What metrics there are, as the configuration chooses them. CRI, ListMetricDescriptors.
    public func metricDescriptors() -> [Runtime_V1_MetricDescriptor] {
        metricGroups.flatMap { $0.ofContainers.map(\.descriptor) + $0.ofInterfaces.map(\.descriptor) }
    }

    /// A pod's metrics and those of its containers that run. CRI, ListPodSandboxMetrics.
    public func metrics(of pod: PodRecord) async -> Runtime_V1_PodSandboxMetrics {
        let groups = metricGroups
        let now = Node.now()
        let interfaces = groups.contains(.network) && pod.phase == .ready ? await networkCounters(of: pod) : []
        var containers: [Runtime_V1_ContainerMetrics] = []
        for container in inventory.containers(ofPod: pod.id) where container.phase == .running {
            let figures = await figures(of: container, groups)
            let subject = MetricSubject(container, in: pod)
            containers.append(
                .with {
                    $0.containerID = container.id
                    $0.metrics = groups.flatMap(\.ofContainers).flatMap { $0.messages(figures, of: subject, at: now) }
                })
        }
        return .with {
            $0.podSandboxID = pod.id
            let metrics = groups.flatMap(\.ofInterfaces)
            $0.metrics = interfaces.flatMap { interface in metrics.flatMap { $0.messages(interface, of: MetricSubject(pod), at: now) } }
            $0.containerMetrics = containers
        }
    }

    /// What is dear to find is looked for only where a metric asks for it.
    private func figures(of container: ContainerRecord, _ groups: [MetricGroup]) async -> ContainerFigures {
        let written = groups.contains(.disk) ? try? await rootFileSystems.usage(container.id).bytes : nil
        let root = rootFileSystems.path(container.id)
        let resources = resourcesInForce(of: container)
        let found = try? await BlockingPool.shared.run { [cgroups] in
            var figures = ContainerFigures()
            figures.time = Node.now()
            figures.startedAt = container.startedAt
            figures.resources = resources
            figures.usage = cgroups.statistics(of: container.cgroupPath) ?? .init()
            figures.details = cgroups.details(of: container.cgroupPath) ?? .init()
            if groups.contains(.process) { figures.processes = ProcessFigures(of: cgroups.processes(of: container.cgroupPath)) }
            if groups.contains(.disk) { figures.disk = DiskFigures(of: root, used: written) }
            return figures
        }
        return found ?? ContainerFigures()
    }
}

extension DiskFigures {
    /// Asks the file system at `path`, statvfs(3). Blocks.
    init(of path: String, used: UInt64?) {
        self.used = used
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return }
        let (bytes, overflow) = UInt64(status.f_blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        size = overflow ? .max : bytes
        inodes = UInt64(status.f_files)
        freeInodes = UInt64(status.f_ffree)
    }
}
