import CRI
import Linux
import OCI
import OCIRuntime

extension Node {
    /// The pod's configuration with the annotations that its handler gives to pods that do not have them.
    func annotatedConfiguration(of pod: PodRecord) throws(NodeError) -> Runtime_V1_PodSandboxConfig {
        var config = pod.config
        config.annotations = try runtimes.runtime(of: pod).handler.defaultAnnotations.merging(config.annotations) { $1 }
        return config
    }

    /// Beginnings of the annotations that the pod's runtime gets to see: its handler's and its workload's.
    func allowedPrefixes(of pod: PodRecord) -> [String] {
        let handler = (try? runtimes.runtime(of: pod).handler.allowedAnnotations) ?? []
        return handler + (Workload.active(in: settings.specification.workloads, pod.config.annotations)?.allowedAnnotations ?? [])
    }

    /// What the configuration says about a container of a pod. Default mounts are copied into its bundle.
    func configuredParts(for container: ContainerRecord, in pod: PodRecord) async throws -> ConfiguredParts {
        let sources = settings.configured
        let handler = try runtimes.runtime(of: pod).handler
        let annotations = try annotatedConfiguration(of: pod).annotations
        let copies = DefaultMountCopies(
            directory: "\(containerFiles.bundle(container.id))/mounts", owner: pod.namespaces.hostRoot, logger: logger(container: container))
        return try await BlockingPool.shared.run {
            ConfiguredParts(
                hooks: sources.hooks?.current() ?? HookSet(),
                mounts: try copies.make(sources.defaultMounts()), leastMemory: handler.leastMemory,
                blockIO: try sources.blockIO(of: container.config, annotations),
                closID: try sources.closID(of: container.config, annotations))
        }
    }
}

extension ConfiguredSources {
    /// Blocks.
    fileprivate func defaultMounts() -> [DefaultMounts.Entry] {
        let text = mountFiles.lazy.compactMap { try? Files.readText($0) }.first ?? ""
        return DefaultMounts(text: text).entries + mounts.entries
    }

    /// The parameters of the container's blockio class; nil for none, and where no classes are configured. Blocks.
    fileprivate func blockIO(of config: Runtime_V1_ContainerConfig, _ annotations: [String: String]) throws -> Spec.BlockIO? {
        guard let file = blockIO,
            let chosen = ClassAnnotations.blockIO.find(config.metadata.name, container: config.annotations, pod: annotations)
        else { return nil }
        return try file.current().parameters(of: chosen.name, find: BlockDevices.find)
    }

    /// The container's RDT class; nil for none. Blocks.
    fileprivate func closID(of config: Runtime_V1_ContainerConfig, _ annotations: [String: String]) throws -> String? {
        guard let chosen = ClassAnnotations.rdt.find(config.metadata.name, container: config.annotations, pod: annotations) else {
            return nil
        }
        guard let rdt else {
            throw NodeError.failedPrecondition(
                "the RDT class '\(chosen.name)' is asked for, and no classes are configured (see rdt_config_file)")
        }
        return try rdt.closID(chosen.name, by: chosen.origin, exists: RDTClasses.hasGroup)
    }
}

extension PinnedNamespaces {
    /// The ids on the host of the containers' root.
    fileprivate var hostRoot: (uid: UInt32, gid: UInt32) {
        (uidMappings.first { $0.containerID == 0 }?.hostID ?? 0, gidMappings.first { $0.containerID == 0 }?.hostID ?? 0)
    }
}
