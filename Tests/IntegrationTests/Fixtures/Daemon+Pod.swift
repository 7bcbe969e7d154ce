import CRI
import Testing

extension Daemon {
    /// Runs `body` with a daemon that has the usual image, and a pod on it.
    static func duringPod(
        _ change: (inout Runtime_V1_PodSandboxConfig) -> Void = { _ in }, _ body: (Daemon, TestPod) async throws -> Void
    ) async throws {
        try await during { daemon in
            _ = try await daemon.kubelet.pull(Lab.current.busybox)
            try await body(daemon, daemon.kubelet.runPod("pod", change))
        }
    }
}
