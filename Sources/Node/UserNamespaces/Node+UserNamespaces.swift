import CRI
import Linux
import OCIRuntime

extension PodRecord {
    /// The pod's user namespace, from the request on until the pod is stopped; nil for the host's.
    var userNamespace: PodUserNamespace? {
        guard let uids = namespaces.uidMappings.first, let gids = namespaces.gidMappings.first else { return nil }
        return PodUserNamespace(uids: uids, gids: gids)
    }
}

extension PinnedNamespaces {
    /// Nothing pinned yet, with the mappings that are to be.
    init(planned: PodUserNamespace?) {
        self.init()
        if let planned { (uidMappings, gidMappings) = ([planned.uids], [planned.gids]) }
    }
}

extension Node {
    /// The user namespace that a pod asks for.
    /// - Throws: `NodeError.invalidArgument` for a request that contradicts itself, `.failedPrecondition` where this host cannot.
    func requestedUserNamespace(_ config: Runtime_V1_PodSandboxConfig, handler: String) async throws(NodeError) -> PodUserNamespace? {
        let options = config.linux.securityContext.namespaceOptions
        let floor = PodUserNamespace.Floor(uid: settings.minimumMappableUID, gid: settings.minimumMappableGID)
        guard let wanted = try PodUserNamespace.requested(by: options, floor: floor) else { return nil }
        if let refusal = await userNamespaces.value.refusal(handler: handler) {
            throw .failedPrecondition("this host cannot run pods with user namespaces: \(refusal)")
        }
        // From a user namespace the queues of the host's IPC namespace cannot be mounted anew, only bound.
        guard options.ipc != .node || Files.exists("/dev/mqueue") else {
            throw .failedPrecondition(
                "a pod with a user namespace and the host's IPC namespace needs the host's message queues: mount -t mqueue none /dev/mqueue")
        }
        return wanted
    }

    /// A container's mounts as the runtime gets them: those that are to show the pod's owners do, or say so to the runtime.
    func shifted(_ mounts: [ResolvedMount], of container: ContainerRecord, in pod: PodRecord) async throws -> [ResolvedMount] {
        let volumes = shiftedVolumes(of: container)
        let runtimeShifts = await userNamespaces.value.runtimeShiftsMounts(handler: pod.runtimeHandler)
        var result = mounts
        for (number, mount) in mounts.map(\.mount).enumerated() {
            guard try PodUserNamespace.shifts(mount, with: pod.userNamespace), let namespace = pod.namespaces.user else { continue }
            // Images are mounted shifted.
            let isImage = !mount.image.image.isEmpty
            if runtimeShifts && !isImage { continue }
            (result[number].mount.uidMappings, result[number].mount.gidMappings) = ([], [])
            if isImage { continue }
            let source = mounts[number].source
            result[number].source = try await BlockingPool.shared.run {
                try volumes.bind(source, number: number, userNamespace: namespace)
            }
        }
        return result
    }

    /// What a container in a user namespace needs between its creation and its start.
    func settle(_ container: ContainerRecord, in pod: PodRecord) async throws {
        guard let namespace = pod.userNamespace else { return }
        let volumes = shiftedVolumes(of: container)
        let (user, pid) = (container.user.linux, container.pid)
        try await BlockingPool.shared.run {
            try volumes.unbind()
            if let pid { try ProcessStreams.give(of: pid, toUser: user.uid, group: user.gid, in: namespace) }
        }
    }

    func shiftedVolumes(of container: ContainerRecord) -> ShiftedVolumes {
        ShiftedVolumes(directory: "\(containerFiles.bundle(container.id))/shifted")
    }
}
