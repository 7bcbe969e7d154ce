import CRI
import Glibc
import Linux
import Testing

extension Integration {
    @Suite struct Paused {
        @Test("A container that a checkpoint has left paused goes on, also where its runtime does not tell its state")
        func mute() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                let runtime = try await shell("command -v \(Combination.current.runtime)").filter { $0 != "\n" }
                let script = """
                    #!/bin/sh
                    case " $* " in *" state "*) echo no state for you >&2; exit 1;; esac
                    exec \(runtime) "$@"

                    """
                try Files.writeAtomically(Array(script.utf8), to: "\(daemon.directory)/mute", mode: 0o755)
                try await daemon.reload(
                    """
                    [crio.runtime.runtimes.mute]
                    runtime_path = "@/mute"
                    runtime_root = "@/states"
                    """)
                _ = try await kubelet.pull(Lab.current.busybox)
                let configuration = kubelet.podConfiguration("pod")
                let podID = try await kubelet.runtime.runPodSandbox(
                    .with {
                        $0.config = configuration
                        $0.runtimeHandler = "mute"
                    }
                ).podSandboxID
                let id = try await kubelet.run("c", in: TestPod(id: podID, configuration: configuration), "exec sleep 1000")
                try await shell("\(runtime) --root \(daemon.directory)/states pause \(id)")
                try await daemon.end(SIGKILL)
                // What a daemon that is killed at a checkpoint leaves.
                try Files.makeDirectories("\(daemon.root)/checkpoints/taken/\(id)")
                try await daemon.start()
                try await eventually("it goes on") { (try? await kubelet.exec(id, "true").exitCode) == 0 }
                #expect(!Files.exists("\(daemon.root)/checkpoints/taken/\(id)"))
            }
        }
    }
}
