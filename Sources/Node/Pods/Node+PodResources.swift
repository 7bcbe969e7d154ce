import Cgroups
import CRI
import Linux

extension Node {
    /// Changes a pod's own limits. CRI, UpdatePodSandboxResources. The kubelet writes the cgroups of its pods itself and tells us, so
    /// that the record is right; a cgroup that we made is written here.
    /// - Throws: `NodeError`.
    public func updatePodResources(
        _ id: String, overhead: Runtime_V1_LinuxContainerResources?, resources: Runtime_V1_LinuxContainerResources?
    ) async throws {
        let id = try inventory.pod(id).id
        try await recovered(id)
        try await detached { [self] in
            try await locks.withLock(id) { [self] in
                let pod = try inventory.pod(id)
                guard pod.phase == .ready else {
                    throw NodeError.failedPrecondition("pod \(pod.key) is \(pod.phase.rawValue): its limits mean nothing any more")
                }
                var config = pod.config.linux
                if let overhead { config.overhead = overhead }
                if let resources { config.resources = resources }
                do { try await update(pod, PodLimits(config)) } catch { throw nodeError(error, "updating the resources of pod \(pod.key)") }
                try await inventory.updatePod(id) { [config] in $0.config.linux = config }
            }
        }
    }

    private func update(_ pod: PodRecord, _ limits: PodLimits) async throws {
        try limits.check(settings.host)
        guard pod.limitsCgroup else { return }
        let wanted = limits.cgroup(settings.host)
        try await checkMemory(wanted.memory ?? 0, of: pod.cgroupParent)
        try await cgroups.limit(pod.cgroupParent, wanted)
    }
}
