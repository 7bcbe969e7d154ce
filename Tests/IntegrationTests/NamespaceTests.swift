import CRI
import GRPCCore
import Linux
import Testing

extension Integration {
    @Suite struct Namespaces {
        @Test("The host's PID and IPC namespaces, and a container beside the host's processes with its own")
        func host() async throws {
            try await Daemon.duringPod({
                $0.linux.securityContext.namespaceOptions.pid = .node
                $0.linux.securityContext.namespaceOptions.ipc = .node
            }) { daemon, pod in
                let kubelet = daemon.kubelet
                let sharing = try await kubelet.run("sharing", in: pod, "exec sleep 1000") {
                    $0.linux.securityContext.namespaceOptions.pid = .node
                    $0.linux.securityContext.namespaceOptions.ipc = .node
                }
                #expect(try await kubelet.output(sharing, "readlink /proc/self/ns/pid") == readLink("/proc/self/ns/pid"))
                #expect(try await kubelet.output(sharing, "readlink /proc/self/ns/ipc") == readLink("/proc/self/ns/ipc"))
                // Without a word on namespaces a container has the pod's.
                let silent = try await kubelet.run("silent", in: pod, "exec sleep 1000") { $0.linux.clearSecurityContext() }
                #expect(try await kubelet.output(silent, "readlink /proc/self/ns/pid") == readLink("/proc/self/ns/pid"))
                let alone = try await kubelet.run("alone", in: pod, "exec sleep 1000")
                #expect(try await kubelet.output(alone, "cat /proc/1/comm") == "sleep")
            }
        }

        @Test("A container sees the processes of the one that it targets")
        func target() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let first = try await kubelet.run("first", in: pod, "exec sleep 4321")
                func debugger(_ name: String, _ target: String) async throws -> String {
                    try await kubelet.run(name, in: pod, "exec sleep 1000") {
                        $0.linux.securityContext.namespaceOptions.pid = .target
                        $0.linux.securityContext.namespaceOptions.targetID = target
                    }
                }
                let second = try await debugger("second", first)
                #expect(try await kubelet.output(second, "tr '\\0' ' ' </proc/1/cmdline") == "sleep 4321 ")
                #expect(await failure { try await debugger("third", "") }?.code == .invalidArgument)
                #expect(await failure { try await debugger("third", "feedfeed") }?.code == .notFound)
                let elsewhere = try await kubelet.runPod("elsewhere")
                let stranger = await failure {
                    try await kubelet.run("stranger", in: elsewhere, "true") {
                        $0.linux.securityContext.namespaceOptions.pid = .target
                        $0.linux.securityContext.namespaceOptions.targetID = first
                    }
                }
                #expect(stranger?.code == .invalidArgument && stranger?.message.contains("another pod") == true)
            }
        }

        @Test("A container that contradicts its pod is refused, before anything is made")
        func contradictions() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let changes: [(inout Runtime_V1_NamespaceOption) -> Void] = [
                    { $0.network = .node }, { $0.ipc = .node }, { $0.pid = .node }, { $0.pid = .pod }, { $0.network = .container },
                ]
                for change in changes {
                    let refused = await failure {
                        try await kubelet.create("c", in: pod, "true") { change(&$0.linux.securityContext.namespaceOptions) }
                    }
                    #expect(refused?.code == .invalidArgument)
                    #expect(refused?.message.contains("namespace") == true)
                }
                let made = try await kubelet.runtime.listContainers(.init()).containers
                #expect(made.isEmpty)
            }
        }

        @Test(
            "A sysctl that is not the pod's to set is refused, before anything is made",
            arguments: [
                ("vm.swappiness", false, "whole host"), ("net.ipv4.ip_forward", true, "network namespace"),
                ("kernel.shm_rmid_forced", true, "IPC namespace"), ("kernel", false, "no name"),
            ])
        func sysctls(name: String, onHost: Bool, reason: String) async throws {
            try await Daemon.during { daemon in
                let refused = await failure {
                    try await daemon.kubelet.runPod("pod") {
                        $0.linux.sysctls = [name: "1"]
                        guard onHost else { return }
                        $0.linux.securityContext.namespaceOptions.network = .node
                        $0.linux.securityContext.namespaceOptions.ipc = .node
                    }
                }
                #expect(refused?.code == .invalidArgument)
                #expect(refused?.message.contains(reason) == true)
                let made = try await shell("ls \(daemon.runroot)/pods 2>/dev/null || true")
                #expect(made == "")
            }
        }

        @Test(
            "A sysctl that the kernel does not know, or a value that it does not take, is the caller's error",
            arguments: [("net.ipv4.no_such_setting", "1"), ("net.ipv4.ip_default_ttl", "many")])
        func unknownSysctls(name: String, value: String) async throws {
            try await Daemon.during { daemon in
                let refused = await failure { try await daemon.kubelet.runPod("pod") { $0.linux.sysctls = [name: value] } }
                #expect(refused?.code == .invalidArgument)
                #expect(refused?.message.contains(name.replacing(".", with: "/")) == true)
            }
        }
    }
}
