import CRI
import GRPCCore
import Glibc
import Linux
import Testing

extension Integration {
    @Suite struct Startup {
        private func state(_ id: String, _ kubelet: Kubelet) async throws -> Runtime_V1_PodSandboxState {
            try await kubelet.status(pod: id).state
        }

        /// Takes from a daemon that is not running what a reboot takes: the namespaces, and the rules of the host's network.
        private func reboot(_ daemon: Daemon) async throws {
            try Linux.Mounts.unmountAll(below: "\(daemon.runroot)/pods")
            try await shell("iptables-save -t nat | grep -F '\(daemon.network.name)' | sed -n 's/^-A/iptables -t nat -D/p' | bash")
        }

        @Test("After a reboot the node serves at once, while the pods' networks are still being taken down")
        func serving() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                try await daemon.chain(
                    "slow", "[ $CNI_COMMAND = DEL ] && { echo >>$here/begun; while [ -e $here/hold ]; do sleep 0.05; done; }")
                var ids: [String] = []
                for index in 0..<2 { ids.append(try await kubelet.runPod("pod-\(index)").id) }
                _ = try await kubelet.pull(Lab.current.busybox)
                let inhabited = try await kubelet.runPod("pod-2")
                ids.append(inhabited.id)
                let container = try await kubelet.run("c", in: inhabited, "exec sleep 1000")
                let process = try #require(try await kubelet.hostProcess(of: container))
                let monitor = try #require(Int32(try Files.readText("\(daemon.runroot)/containers/\(container)/conmon.pid").filter(\.isNumber)))
                try await daemon.end(SIGKILL)
                try daemon.mark("hold")
                for pid in [monitor, process] { kill(pid, SIGKILL) }
                try await reboot(daemon)
                try await daemon.start()
                for id in ids { #expect(try await state(id, kubelet) == .sandboxNotready) }
                #expect(try await kubelet.status(container).state == .containerExited)
                try await eventually("all are taken down at once") {
                    ((try? Files.readText("\(daemon.directory)/begun"))?.count { $0 == "\n" } ?? 0) == 3
                }
                // Others come up meanwhile: with a network, with the host's, and in place of one that is being taken down.
                let other = try await kubelet.runPod("other")
                _ = try await kubelet.runPod("agent") { $0.linux.securityContext.namespaceOptions.network = .node }
                _ = try await kubelet.runPod("pod-0") { $0.metadata.attempt = 1 }
                #expect(try await state(other.id, kubelet) == .sandboxReady)
                // Only who asks for that pod waits.
                let (first, second) = (ids[0], ids[1])
                let stopping = Task { _ = try await kubelet.runtime.stopPodSandbox(.with { $0.podSandboxID = first }) }
                #expect(try await state(second, kubelet) == .sandboxNotready)
                try daemon.unmark("hold")
                try await stopping.value
                for id in ids { try await kubelet.removePod(id) }
            }
        }

        @Test("A pod that was being stopped when the daemon was killed is stopped by the next one, its containers too")
        func stopCutOff() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                try await daemon.chain("slow", "[ $CNI_COMMAND = DEL ] && { : >$here/begun; while [ -e $here/hold ]; do sleep 0.05; done; }")
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("web")
                let container = try await kubelet.run("c", in: pod, "exec sleep 1000")
                try daemon.mark("hold")
                // It dies before the container, which its own pod's recovery has to end.
                let pid = try await daemon.pid
                let monitor = try Files.readText("\(daemon.runroot)/containers/\(container)/conmon.pid").filter(\.isNumber)
                try await shell("kill -STOP \(monitor)")
                let stopping = Task { try await kubelet.runtime.stopPodSandbox(.with { $0.podSandboxID = pod.id }) }
                try await eventually("it is being stopped") { daemon.isMarked("begun") }
                kill(pid, SIGKILL)
                try await daemon.ended()
                stopping.cancel()
                try await shell("kill -CONT \(monitor)")
                try daemon.unmark("hold")
                try await daemon.start()
                try await kubelet.removePod(pod.id)
                #expect(try await kubelet.runtime.listPodSandbox(.init()).items.isEmpty)
            }
        }

        @Test("A plugin that was at work when the daemon was killed ends before its pod is undone, and the same request makes another")
        func pluginAtWork() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                // What it makes stands for a chain of iptables.
                try await daemon.chain(
                    "late",
                    """
                    mkdir -p $here/chains
                    if [ $CNI_COMMAND = ADD ]; then
                        : >$here/begun
                        while [ -e $here/hold ]; do sleep 0.05; done
                        : >$here/chains/$CNI_CONTAINERID
                    fi
                    [ $CNI_COMMAND = DEL ] && rm -f $here/chains/$CNI_CONTAINERID
                    """)
                try daemon.mark("hold")
                let asking = Task { try await kubelet.runPod("web").id }
                try await eventually("the plugin is at work") { daemon.isMarked("begun") }
                try await daemon.restart(SIGKILL)
                asking.cancel()
                let again = Task { try await kubelet.runPod("web").id }
                _ = try await kubelet.runtime.version(.init())
                try daemon.unmark("hold")
                let id = try await again.value
                #expect(try Files.list("\(daemon.directory)/chains") == [id])
                try await kubelet.removePod(id)
                #expect(try Files.list("\(daemon.directory)/chains") == [])
            }
        }

        @Test("A start that was cut off by the daemon's death is done, or can be done again", arguments: [false, true])
        func startCutOff(isKilled: Bool) async throws {
            // The runtime waits before its start.
            let handler = """
                [crio.runtime.runtimes.slow]
                runtime_path = "@/slow"
                """
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                let runtime = try await shell("command -v \(Combination.current.runtime)").filter { $0 != "\n" }
                let script = """
                    #!/bin/sh
                    case " $* " in *" start "*) echo $$ >\(daemon.directory)/begun; while [ -e \(daemon.directory)/hold ]; do sleep 0.05; done;; esac
                    exec \(runtime) "$@"

                    """
                try Files.writeAtomically(Array(script.utf8), to: "\(daemon.directory)/slow", mode: 0o755)
                try await daemon.reload(handler)
                _ = try await kubelet.pull(Lab.current.busybox)
                let configuration = kubelet.podConfiguration("pod")
                let podID = try await kubelet.runtime.runPodSandbox(
                    .with {
                        $0.config = configuration
                        $0.runtimeHandler = "slow"
                    }
                ).podSandboxID
                let id = try await kubelet.create("c", in: TestPod(id: podID, configuration: configuration), "exec sleep 1000")
                try daemon.mark("hold")
                let starting = Task { try await kubelet.start(id) }
                try await eventually("the runtime is at it") { (try? Files.readText("\(daemon.directory)/begun").count) ?? 0 > 1 }
                try await daemon.restart(SIGKILL)
                _ = await starting.result
                let again = Task { try await kubelet.start(id) }
                if isKilled { try await shell("kill -KILL $(cat \(daemon.directory)/begun)") }
                try daemon.unmark("hold")
                // One that came to be by the first start refuses another, or takes it for the same.
                _ = await again.result
                #expect(try await kubelet.status(id).state == .containerRunning)
                #expect(try await kubelet.exec(id, "true").exitCode == 0)
            }
        }

        @Test("The wait for other pods' plugins is a phase of its own, in a deadline's error and in the pod's timeline")
        func queue() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                try await daemon.chain("slow", "[ $CNI_COMMAND = ADD ] && while [ -e $here/hold ]; do sleep 0.05; done")
                try daemon.mark("hold")
                let places = 4 * TurnQueue.cpus
                let others = (0..<places).map { index in Task { try await kubelet.runPod("pod-\(index)").id } }
                try await eventually("all places are taken") {
                    try await shell("pgrep -fc '^/bin/sh \(daemon.network.plugins)/slow' || true").filter(\.isNumber) == "\(places)"
                }
                var options = CallOptions.defaults
                options.timeout = .milliseconds(700)
                let late = await failure {
                    try await kubelet.runtime.runPodSandbox(.with { $0.config = kubelet.podConfiguration("last") }, options: options)
                }
                #expect(late?.code == .deadlineExceeded && late?.message.contains("network queue") == true, "\(late?.message ?? "none")")
                try daemon.unmark("hold")
                for other in others { _ = try await other.value }
                let last = try await kubelet.runPod("last")
                let response = try await kubelet.runtime.podSandboxStatus(
                    .with {
                        $0.podSandboxID = last.id
                        $0.verbose = true
                    })
                let info = response.info["info"] ?? ""
                #expect(info.contains("network queue") && info.contains("namespaces queue"))
            }
        }
    }
}
