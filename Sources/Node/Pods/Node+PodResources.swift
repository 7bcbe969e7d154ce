import CRI

extension Node {
    /// Changes a pod's own limits. CRI, UpdatePodSandboxResources: the kubelet writes the pod's cgroup itself and tells us,
    /// so that the record is right.
    public func updatePodResources(
        _ id: String, overhead: Runtime_V1_LinuxContainerResources?, resources: Runtime_V1_LinuxContainerResources?
    ) async throws {
        let pod = try inventory.pod(id)
        try await inventory.updatePod(pod.id) {
            if let overhead { $0.config.linux.overhead = overhead }
            if let resources { $0.config.linux.resources = resources }
        }
    }
}
