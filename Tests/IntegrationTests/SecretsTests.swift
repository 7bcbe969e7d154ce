import CRI
import FoundationEssentials
import Glibc
import Linux
import Testing

extension Integration {
    /// Who else on the host can read what the daemon keeps.
    @Suite struct Secrets {
        @Test("Nothing below root and runroot can be read by others, whatever the daemon does")
        func files() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("secrets") {
                    $0.dnsConfig.servers = ["192.0.2.53"]
                    $0.linux.securityContext.namespaceOptions.pid = .pod
                }
                let running = try await kubelet.run("running", in: pod, "exec sleep 1000") {
                    $0.envs = [
                        .with {
                            $0.key = "SECRET"
                            $0.value = Data("s3cret".utf8)
                        }
                    ]
                }
                _ = try await kubelet.create("created", in: pod, "true")
                _ = try await kubelet.exec(running, "echo written >/file")
                let ended = try await kubelet.run("ended", in: pod, "exit 3")
                _ = try await kubelet.exited(ended)
                #expect(try await Self.readable(below: [daemon.root, daemon.runroot]) == [])
                try await daemon.restart(SIGKILL)
                #expect(try await Self.readable(below: [daemon.root, daemon.runroot]) == [])
            }
        }

        /// Files that others can read, and reach: every directory above them lets them pass. What a container sees of its
        /// root file system and of its /etc is for the container's users.
        private static func readable(below directories: [String]) async throws -> [String] {
            let seen = try await shell(
                """
                for top in \(directories.joined(separator: " ")); do
                    find $top -xdev \\( -type d ! -perm -o=x -prune \\) -o \\( -type f -perm -o=r -print \\)
                done
                """)
            // What containers see, numbers of processes, and namespaces' files, which open nothing to whom the kernel does not let in.
            let open = ["/hostname", "/hosts", "/resolv.conf", "/conmon.pid", "/pidfile", "/exit", "/init.pid"]
            return seen.split(separator: "\n").map(String.init).filter { path in
                !open.contains { path.hasSuffix($0) } && !path.contains("/ns/") && !path.hasPrefix("\(directories[1])/rootfs/")
            }
        }
    }
}
