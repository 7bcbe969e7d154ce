import CRI
import FoundationEssentials
import Glibc
import Images
import Linux
import OCI
import OCIRuntime

/// A container's bundle as it was written, with what the status tells of it.
struct Bundle: Sendable {
    let path: String
    let user: Runtime_V1_ContainerUser
    let mounts: [Runtime_V1_Mount]
}

/// An image that a container mounts to read.
struct ImageVolume: Sendable {
    let mount: Runtime_V1_Mount
    let imageID: String
    /// Where it is mounted on the host.
    let path: String
}

extension Node {
    /// Mounts the container's root file system.
    func rootFileSystem(of container: ContainerRecord, _ pod: PodRecord, _ image: ImageRecord) async throws -> String {
        try await rootFileSystems.prepare(
            container.id, image: image, userNamespace: pod.namespaces.user, label: try labels(of: container, in: pod).file)
    }

    /// Mounts the images that the container wants as volumes, below its bundle.
    func imageVolumes(of container: ContainerRecord, in pod: PodRecord) async throws -> [ImageVolume] {
        let label = try labels(of: container, in: pod).file
        var volumes: [ImageVolume] = []
        for (index, mount) in container.config.mounts.enumerated() where !mount.image.image.isEmpty {
            let image = try await requiredImage(mount.image, for: pod)
            let path = "\(containerFiles.bundle(container.id))/volumes/\(index)"
            try await BlockingPool.shared.run { try Files.makeDirectories(path) }
            try await rootFileSystems.mountImage(image, at: path, label: label, userNamespace: pod.namespaces.user)
            volumes.append(ImageVolume(mount: mount, imageID: image.id, path: path))
        }
        return volumes
    }

    /// Unmounted with the rest of the bundle's mounts, before the images may go.
    func unmountVolumes(of container: ContainerRecord) async throws {
        let path = "\(containerFiles.bundle(container.id))/volumes"
        for index in container.config.mounts.indices where !container.config.mounts[index].image.image.isEmpty {
            try await rootFileSystems.unmountImage(at: "\(path)/\(index)")
        }
    }

    /// Looks up what the specification needs of the host, builds it and writes the bundle.
    func prepareBundle(
        for container: ContainerRecord, in pod: PodRecord, _ image: ImageRecord, rootfs: String, volumes: [ImageVolume]
    ) async throws -> Bundle {
        let request = try await specRequest(for: container, in: pod, image, rootfs: rootfs, volumes: volumes)
        let path = containerFiles.bundle(container.id)
        let specs = specs
        let log = container.logPath
        try await BlockingPool.shared.run {
            let spec = try specs.build(request)
            let encoder = JSONEncoder()
            encoder.outputFormatting = .withoutEscapingSlashes
            try Files.makeDirectories(path, mode: 0o700)
            try BundleFile.write([UInt8](try encoder.encode(spec)), to: "\(path)/config.json")
            try BundleFile.write([UInt8](try encoder.encode(spec.process)), to: ProcessFile.path(bundle: path))
            if let slash = log.lastIndex(of: "/") { try Files.makeDirectories(String(log[..<slash])) }
        }
        return Bundle(path: path, user: request.user.message, mounts: statusMounts(container.config.mounts, volumes, request.mounts))
    }

    private func specRequest(
        for container: ContainerRecord, in pod: PodRecord, _ image: ImageRecord, rootfs: String, volumes: [ImageVolume]
    ) async throws -> SpecRequest {
        var config = container.config
        let pid = try pidNamespace(for: container, in: pod)
        try await checkConfinement(of: config.linux.securityContext, in: pod)
        let seccomp = config.linux.securityContext.privileged ? nil : try await seccompProfile(SeccompChoice(config.linux.securityContext))
        let allowed = try allowedAnnotations(of: pod)
        let labels = try self.labels(of: container, in: pod)
        config.linux.resources.unified.merge(try allowed.unified(container: config.metadata.name)) { $1 }
        try ResourcesCheck(host: settings.host).check(config.linux.resources)
        let prefix = settings.configured.mountPrefix
        let rejected = settings.specification.absentMountSourcesToReject
        let looked = try await BlockingPool.shared.run { [config] in
            let looked = try HostLookUp.run(
                config, image: image, rootfs: rootfs, volumes: volumes, mountPrefix: prefix, rejectedSources: rejected)
            try Self.relabel(looked.mounts, labels, allowed)
            return looked
        }
        let devices = try await devices(of: container, in: pod)
        let user = looked.user.joining(devices.edits.additionalGroups)
        try pod.userNamespace?.check(uid: user.uid, groups: [user.gid] + user.groups)
        let mounts = try await shifted(looked.mounts, of: container, in: pod)
        var request = SpecRequest(
            containerID: container.id, podID: pod.id, config: config, sandbox: try annotatedConfiguration(of: pod), image: image.configuration,
            rootfs: rootfs, namespaces: pod.namespaces, pidNamespace: pid, cgroupsPath: container.cgroupPath, user: user,
            files: PodFilePaths(
                resolver: podFiles.resolver(pod.id), hostname: podFiles.hostname(pod.id), sharedMemory: podFiles.sharedMemory(pod)),
            hostname: pod.hostname, mounts: mounts, devices: devices, seccomp: seccomp,
            labels: labels, allowedAnnotations: allowed, annotations: try annotations(of: container, in: pod))
        request.configured = try await configuredParts(for: container, in: pod)
        if config.mounts.contains(where: \.recursiveReadOnly) { request.recursiveReadOnly = try await recursiveReadOnly(of: pod) }
        return request
    }

    private func recursiveReadOnly(of pod: PodRecord) async throws -> Bool {
        guard settings.host.recursiveReadOnly else { return false }
        return await runtimes.features.features(of: try runtimes.runtime(of: pod)).recursiveReadOnly
    }

    private func pidNamespace(for container: ContainerRecord, in pod: PodRecord) throws -> PIDNamespace {
        let options = container.config.linux.securityContext.namespaceOptions
        switch options.pid {
        case .container: return .container
        case .node: return .node
        case .pod:
            if pod.namespaceOptions.pid == .node { return .node }
            guard let path = pod.namespaces.pid else { return .container }
            return .shared(path: path)
        case .target:
            let target = try runningContainer(options.targetID)
            guard target.podID == pod.id else {
                throw NodeError.invalidArgument("the target container \(options.targetID) belongs to another pod")
            }
            guard let pid = target.pid, process(of: target).isAlive else {
                throw NodeError.failedPrecondition("the target container \(target.key) has no process any more")
            }
            return .shared(path: "/proc/\(pid)/ns/pid")
        case .UNRECOGNIZED(let value):
            throw NodeError.invalidArgument("the PID namespace mode \(value) is not known")
        }
    }

    /// What tools that look at running containers go by, in CRI-O's names, and the annotations that the handler lets through.
    private func annotations(of container: ContainerRecord, in pod: PodRecord) throws -> [String: String] {
        let metadata = pod.config.metadata
        var result = [
            "io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.SandboxID": pod.id,
            "io.kubernetes.cri-o.ContainerID": container.id, "io.kubernetes.cri-o.ContainerName": container.config.metadata.name,
            "io.kubernetes.cri-o.ImageRef": container.imageID, "io.kubernetes.pod.name": metadata.name,
            "io.kubernetes.pod.namespace": metadata.namespace, "io.kubernetes.pod.uid": metadata.uid,
            "io.kubernetes.container.name": container.config.metadata.name,
        ]
        result.merge(scopeProperties(of: container, in: pod)) { $1 }
        let allowed = allowedPrefixes(of: pod)
        let defaults = try runtimes.runtime(of: pod).handler.defaultAnnotations
        let all = try annotatedConfiguration(of: pod).annotations.merging(container.config.annotations) { $1 }
        // Those that the handler gives by default are for the runtime's eyes, whoever says their value in the end.
        for (key, value) in all where defaults[key] != nil || allowed.contains(where: { key.hasPrefix($0) }) {
            result[key] = value
        }
        return result
    }

    /// What the runtime tells systemd of the container's scope. Runtimes leave scopes out of a shutdown's order by default: their processes
    /// would be told to end at the very last, and be waited for as long as anything.
    private func scopeProperties(of container: ContainerRecord, in pod: PodRecord) -> [String: String] {
        guard cgroups.names(of: pod.cgroupParent).driver == .systemd else { return [:] }
        let prefix = "org.systemd.property."
        // crun 1.8 does not take DefaultDependencies: what they would be is said beside.
        var properties = [
            prefix + "CollectMode": "'inactive-or-failed'", prefix + "DefaultDependencies": "true",
            prefix + "Conflicts": "['shutdown.target']", prefix + "Before": "['shutdown.target']",
            prefix + "TimeoutStopUSec": "uint64 \(ScopeTimes.stop(annotations: container.config.annotations) * 1_000_000)",
        ]
        if pod.namespaces.initPID != nil, let scope = cgroups.initScope(ofPod: pod.id, parent: pod.cgroupParent) {
            properties[prefix + "After"] = "['\(scope)']"
        }
        return properties
    }

    /// The request's mounts as they came to be.
    private func statusMounts(
        _ mounts: [Runtime_V1_Mount], _ volumes: [ImageVolume], _ resolved: [ResolvedMount]
    ) -> [Runtime_V1_Mount] {
        let images = Dictionary(volumes.map { ($0.mount.containerPath, $0.imageID) }) { $1 }
        return mounts.map { mount in
            var mount = mount
            if let id = images[mount.containerPath] { mount.image.imageRef = id }
            return mount
        }
    }
}

/// Files of the bundle; they do not outlive the run directory, so nothing is synchronised.
enum BundleFile {
    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        file.close()
        try Files.write(String(decoding: bytes, as: UTF8.self), to: path)
    }
}
