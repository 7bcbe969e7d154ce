import Linux

extension Node {
    /// Ends a pod's containers, forcibly, and gives back its network and namespaces. CRI, StopPodSandbox: idempotent, and a pod that
    /// is not there is stopped.
    /// - Throws: `NodeError`.
    public func stopPod(_ id: String) async throws {
        guard let id = try known({ try inventory.pod(id).id }) else { return }
        try await recovered(id)
        try await detached { [self] in
            try await locks.withLock(id) { [self] in try await stopLocked(id) }
        }
    }

    /// Ends a pod and forgets it and its containers. CRI, RemovePodSandbox: idempotent.
    /// - Throws: `NodeError`.
    public func removePod(_ id: String) async throws {
        guard let id = try known({ try inventory.pod(id).id }) else { return }
        try await recovered(id)
        try await detached { [self] in
            try await locks.withLock(id) { [self] in
                try await stopLocked(id)
                try await eachContainer(of: id) { try await $0.removeContainer($1) }
                guard let pod = try? inventory.pod(id) else { return }
                try await forget(pod)
                logger(pod: pod).info("pod removed")
            }
        }
    }

    func stopLocked(_ id: String) async throws {
        guard let pod = try? inventory.pod(id), pod.phase != .stopped, pod.phase != .removing else { return }
        let started = ContinuousClock.now
        try await inventory.updatePod(id) { $0.phase = .stopping }
        do {
            // The kubelet has stopped them one by one, with the time that each may take; what still runs is ended at once, and
            // has no more use for the network, which takes as long to give back as containers take to die.
            async let network: Void = releaseNetwork(of: pod)
            try await eachContainer(of: id) { try await $0.stop($1, grace: .zero) }
            try await network
            try await releaseNamespaces(of: pod)
        } catch {
            throw nodeError(error, "stopping pod \(pod.key)")
        }
        try await inventory.updatePod(id) {
            $0.phase = .stopped
            $0.namespaces = .init()
        }
        logger(pod: pod).info("pod stopped", metadata: ["took": "\(ContinuousClock.now - started)"])
    }

    /// Gives back all that a pod holds of the kernel and of CNI. Idempotent; goes by the pod's id alone.
    func release(_ pod: PodRecord) async throws {
        try await releaseNetwork(of: pod)
        try await releaseNamespaces(of: pod)
    }

    private func releaseNetwork(of pod: PodRecord) async throws {
        if pod.hasNetwork { try await network.detach(networkRequest(for: pod)) }
    }

    private func releaseNamespaces(of pod: PodRecord) async throws {
        try await pinner.unpin(directory: podFiles.namespaces(pod.id))
        try await BlockingPool.shared.run { [podFiles, cgroups] in
            cgroups.removeInit(ofPod: pod.id, parent: pod.cgroupParent)
            try podFiles.remove(pod.id)
        }
    }

    /// Removes what is left of a pod that holds nothing any more.
    func forget(_ pod: PodRecord) async throws {
        // One that did not come to be stays that: nobody has been told of it.
        try await inventory.updatePod(pod.id) { if $0.phase != .creating { $0.phase = .removing } }
        await removeParents(of: pod)
        try await BlockingPool.shared.run { [podFiles] in try podFiles.remove(pod.id) }
        timelines.forget(pod.id)
        samples.forget(pod.id)
        try await inventory.removePod(pod.id)
    }

    static let parentsLock = "cgroup parents"

    /// Removes the parents that were made for a pod. Those that other pods are in become another one's to remove.
    private func removeParents(of pod: PodRecord) async {
        if pod.parentsToRemove.isEmpty { return }
        await locks.withLock(Self.parentsLock) { [self] in
            for parent in pod.parentsToRemove {
                let heir = inventory.pods().first { $0.id != pod.id && cgroups.isParent(parent, of: $0.cgroupParent) }
                do {
                    if let heir {
                        try await inventory.updatePod(heir.id) {
                            if !$0.parentsToRemove.contains(parent) { $0.ownedParents = $0.parentsToRemove + [parent] }
                        }
                    } else {
                        try await cgroups.removeParent(parent, isPods: parent == pod.cgroupParent)
                    }
                } catch { logger(pod: pod).warning("a cgroup stays", metadata: ["cgroup": "\(parent)", "error": "\(error)"]) }
            }
        }
    }

    /// Does something to all containers of a pod at once; the first failure is thrown when all are through.
    private func eachContainer(of podID: String, _ body: @escaping @Sendable (Node, String) async throws -> Void) async throws {
        let ids = inventory.containers(ofPod: podID).map(\.id)
        let failures = await withTaskGroup(of: (any Error)?.self) { group in
            for id in ids {
                group.addTask { [self] in
                    do {
                        try await body(self, id)
                        return nil
                    } catch { return error }
                }
            }
            return await group.reduce(into: [any Error]()) { all, error in if let error { all.append(error) } }
        }
        if let first = failures.first { throw first }
    }
}
