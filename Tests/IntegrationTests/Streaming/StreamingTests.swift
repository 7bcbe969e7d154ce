import CRI
import StreamingClient
import Testing

extension Integration {
    /// Exec, attach and port-forward through the daemon: the URL by gRPC, the streams by SPDY and by WebSocket.
    @Suite enum Streaming {
        /// Runs `body` with a container that runs `script`.
        static func withContainer(
            _ script: String = "trap exit TERM; while :; do sleep 0.1; done",
            _ change: (inout Runtime_V1_ContainerConfig) -> Void = { _ in },
            _ body: (Daemon, TestPod, String) async throws -> Void
        ) async throws {
            try await Daemon.during { daemon in
                _ = try await daemon.kubelet.pull(Lab.current.busybox)
                let pod = try await daemon.kubelet.runPod("pod")
                try await body(daemon, pod, daemon.kubelet.run("c", in: pod, script, change))
            }
        }
    }
}
