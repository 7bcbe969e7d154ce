import CRI
import Foundation
import Images
import Linux
import OCIRuntime
import Telemetry

extension Node {
    /// Makes a container of a pod, up to the point where its process waits to be started. CRI, CreateContainer.
    ///
    /// The same metadata in the same pod joins what is under way, or gets the container that came of it.
    /// - Returns: the container's id.
    /// - Throws: `NodeError`.
    public func createContainer(
        inPod podID: String, _ config: Runtime_V1_ContainerConfig, podConfig: Runtime_V1_PodSandboxConfig?
    ) async throws -> String {
        try await recovered(try inventory.pod(podID).id)
        let pod = try inventory.pod(podID)
        guard pod.phase == .ready else {
            throw NodeError.failedPrecondition(
                "pod \(pod.id.prefix(13)) is \(pod.phase.rawValue), not ready: containers are made in ready pods")
        }
        try check(config, in: pod)
        let key = ContainerKey(podID: pod.id, config.metadata)
        return try await untilDeadline("CreateContainer of \(key)", phases.tracker("\(key)")) {
            try await self.containersUnderWay.result(for: key) { [self] in
                if let known = inventory.container(of: key) {
                    guard known.phase == .created else {
                        throw NodeError.alreadyExists(
                            "container \(key) exists as \(known.id.prefix(13)) and is \(known.phase.rawValue): remove it or raise the attempt"
                        )
                    }
                    return known.id
                }
                return try await SettingsInForce.$ofThisWork.withValue(inForce) { try await makeContainer(pod, config) }
            }
        }
    }

    /// Whether the request can be fulfilled at all, as far as it can be told before anything is made.
    /// - Throws: `NodeError.invalidArgument`, `.failedPrecondition`.
    private func check(_ config: Runtime_V1_ContainerConfig, in pod: PodRecord) throws(NodeError) {
        try config.checkMetadata()
        // Without a word on namespaces the container has the pod's.
        if config.linux.securityContext.hasNamespaceOptions {
            try config.linux.securityContext.namespaceOptions.check(inPod: pod.namespaceOptions)
        }
        try PodUserNamespace.check(container: config.linux.securityContext.namespaceOptions, with: pod.userNamespace)
        do {
            try MountCheck.check(config.mounts)
            try ResourcesCheck(host: settings.host).check(config.linux.resources)
        } catch { throw NodeError(error) }
    }

    private func makeContainer(_ pod: PodRecord, _ config: Runtime_V1_ContainerConfig) async throws -> String {
        let started = ContinuousClock.now
        let id = Identifier.random()
        let checkpoint = try await checkpoint(of: config, for: id)
        let image: ImageRecord
        do {
            image = if let checkpoint { try await baseImage(of: checkpoint) } else { try await requiredImage(config.image, for: pod) }
        } catch {
            if checkpoint != nil { await discardCheckpoint(id) }
            throw error
        }
        let container = ContainerRecord(
            id: id, podID: pod.id, config: config, imageID: image.id, imageReference: image.repoDigests.first ?? image.id,
            createdAt: Node.now(), startedAt: 0, phase: .creating, logPath: try logPath(of: config, in: pod),
            cgroupPath: cgroups.containerPath(parent: pod.cgroupParent, containerID: id),
            stopSignal: StopSignal.number(config.stopSignal, image: image.configuration.config?.stopSignal),
            user: .init(), resources: config.linux.resources, imageVolumes: [], mounts: .init(),
            restore: checkpoint?.origin)
        var timeline = Timeline(name: "container \(config.metadata.name)")
        do {
            try await inventory.put(container)
            let made = try await build(container, in: pod, image, checkpoint, &timeline)
            try await inventory.updateContainer(id) {
                // The process may have ended already; what the exit wrote stays.
                let exit = $0.exit
                $0 = made
                $0.phase = exit == nil ? .created : .exited
                $0.exit = exit
            }
            if !container.awaitsRestore { follow(try inventory.container(id)) }
        } catch {
            logger(container: container).error("container failed", metadata: ["error": "\(error)"])
            await discardContainer(id)
            throw nodeError(error, "making container \(container.key)")
        }
        timelines.record(timeline, for: id)
        logger(container: container).info("container created", metadata: ["took": "\(ContinuousClock.now - started)"])
        return id
    }

    private func build(
        _ container: ContainerRecord, in pod: PodRecord, _ image: ImageRecord, _ checkpoint: Checkpoint?, _ timeline: inout Timeline
    ) async throws -> ContainerRecord {
        var container = container
        let tracker = phases.tracker("\(container.key)")
        defer { tracker.end() }
        func phase(_ name: String) {
            tracker.begin(name)
            timeline.begin(name)
        }
        phase("rootfs")
        let volumes = try await imageVolumes(of: container, in: pod)
        container.imageVolumes = volumes.map(\.imageID)
        let kept = container.imageVolumes
        if !kept.isEmpty { try await inventory.updateContainer(container.id) { $0.imageVolumes = kept } }
        let rootfs = try await rootFileSystem(of: container, pod, image)
        timeline.end("rootfs")
        var described = container
        if let checkpoint {
            phase("checkpoint")
            try await takeUp(checkpoint, for: container, rootfs: rootfs)
            described.config = checkpoint.described(container.config)
            timeline.end("checkpoint")
        }

        phase("spec")
        let bundle = try await prepareBundle(for: described, in: pod, image, rootfs: rootfs, volumes: volumes)
        container.user = bundle.user
        container.mounts.mounts = bundle.mounts
        timeline.end("spec")
        if checkpoint != nil {
            // Its process is made at its start.
            try await takeUpLog(of: container)
            return container
        }

        phase("create queue")
        let created = try await turns.run {
            timeline.end("create queue")
            phase("create")
            return try await createProcess(of: container, in: pod, bundle: bundle.path)
        }
        container.pid = created.pid
        container.processStart = created.startTime
        container.boot = ContainerProcess.currentBoot
        try await settle(container, in: pod)
        timeline.end("create")
        return container
    }

    private func discardContainer(_ id: String) async {
        guard let container = try? inventory.container(id) else { return }
        do {
            try await release(container)
            try await inventory.removeContainer(id)
        } catch {
            logger(container: container).error("undoing the container failed; it is tried again", metadata: ["error": "\(error)"])
            await undoLater(container: id)
        }
    }

    /// The image that a container asks for: by id or by name. It is pulled before, by the kubelet.
    /// - Throws: `NodeError`, also where the signature policy of the pod's namespace does not let it be used.
    func requiredImage(_ spec: Runtime_V1_ImageSpec, for pod: PodRecord) async throws -> ImageRecord {
        guard !spec.image.isEmpty else { throw NodeError.invalidArgument("the container's configuration names no image") }
        guard let image = try await image(spec.image) else {
            throw NodeError.notFound("image \(spec.image) is not on this node: pull it first")
        }
        let name = spec.userSpecifiedImage.isEmpty ? spec.image : spec.userSpecifiedImage
        do { try await images.checkPolicy(image, as: name, namespace: pod.config.metadata.namespace) } catch {
            throw nodeError(error, "checking the signature policy for \(name)")
        }
        return image
    }

    private func logPath(of config: Runtime_V1_ContainerConfig, in pod: PodRecord) throws(NodeError) -> String {
        let directory = pod.config.logDirectory
        if config.logPath.isEmpty { return "" }
        if config.logPath.hasPrefix("/") { return config.logPath }
        guard !directory.isEmpty else {
            throw .invalidArgument("the log path \(config.logPath) is relative and the pod has no log directory")
        }
        return "\(directory)/\(config.logPath)"
    }
}

extension Runtime_V1_ContainerConfig {
    /// - Throws: `NodeError.invalidArgument` naming what is missing.
    func checkMetadata() throws(NodeError) {
        guard hasMetadata else { throw .invalidArgument("the container's configuration has no metadata") }
        guard !metadata.name.isEmpty else { throw .invalidArgument("the container's metadata has no name") }
    }
}
