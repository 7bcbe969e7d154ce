import CRI
import GRPCCore
import Glibc
import Linux
import Testing

extension Integration {
    /// Where what belongs to a pod lies, and what becomes of it when someone else lays hands on it.
    @Suite struct Cgroups {
        @Test("A pod's init and its containers' monitors lie in cgroups of the pod's, not in the daemon's")
        func places() async throws {
            try await Daemon.duringPod(Self.shared) { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") { $0.linux.securityContext.namespaceOptions.pid = .pod }
                let parent = Combination.current.path(ofParent: kubelet.cgroupParent)
                let suffix = Combination.current.usesSystemd ? ".scope" : ""
                let initPID = try #require(Int32(try Files.readText("\(daemon.runroot)/pods/\(pod.id)/ns/init.pid").filter(\.isNumber)))
                #expect(try cgroup(of: initPID) == "\(parent)/swiftlet-\(pod.id)\(suffix)")
                let monitor = try cgroup(of: monitor(of: id, daemon))
                if Combination.current.usesSystemd || !CgroupFile.isV1 {
                    #expect(monitor == "\(parent)/swiftlet-conmon-\(id)\(suffix)")
                } else {
                    #expect(monitor == parent)
                }
                #expect(try cgroup(of: #require(try await kubelet.hostProcess(of: id))).hasPrefix("\(parent)/swiftlet-\(id)\(suffix)"))
                #expect(try await kubelet.output(id, "cat /proc/1/comm") == "swiftlet-init")
                let stats = try await kubelet.runtime.podSandboxStats(.with { $0.podSandboxID = pod.id }).stats.linux
                #expect(stats.process.processCount.value == 1 && stats.containers.first?.memory.workingSetBytes.value ?? 0 > 0)
            }
        }

        @Test("Parents that were not there are made, pass on to the pods that are left, and go with the last one")
        func parents() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let outer = Combination.current.child("outer", of: kubelet.cgroupParent)
                let inner = Combination.current.child("inner", of: outer)
                let first = try await kubelet.runPod("first") { $0.linux.cgroupParent = inner }
                let second = try await kubelet.runPod("second") { $0.linux.cgroupParent = inner }
                let id = try await kubelet.run("c", in: second, "exec sleep 1000")
                try await kubelet.removePod(first.id)
                #expect(try await kubelet.status(id).state == .containerRunning)
                #expect(exists(inner))
                try await daemon.restart()
                #expect(try await kubelet.status(id).state == .containerRunning)
                try await kubelet.removePod(second.id)
                #expect(!exists(inner) && !exists(outer) && !exists(kubelet.cgroupParent))
            }
        }

        @Test("Whoever of a container is killed for memory, it is OOMKilled")
        func outOfMemory() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let scripts = ["exec tail /dev/zero", "tail /dev/zero; exit 3", "tail /dev/zero; sleep 0.2; exit 0", "(tail /dev/zero) & wait; exit 4"]
                for (index, script) in (scripts + scripts).enumerated() {
                    let id = try await kubelet.run("hungry", in: pod, script) {
                        $0.metadata.attempt = UInt32(index)
                        $0.linux.resources.memoryLimitInBytes = 24 << 20
                    }
                    let status = try await kubelet.exited(id)
                    #expect(status.reason == "OOMKilled" && [0, 3, 4, 137].contains(status.exitCode), "\(script): \(status.reason) \(status.exitCode)")
                    try await kubelet.remove(id)
                }
                let fed = try await kubelet.run("fed", in: pod, "kill -KILL $$") { $0.linux.resources.memoryLimitInBytes = 24 << 20 }
                #expect(try await kubelet.exited(fed).reason != "OOMKilled")
            }
        }

        @Test("Without its monitor a container goes on; its end is known all the same, as is a stop's", arguments: [false, true])
        func monitorKilled(restarting: Bool) async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                var ids: [String] = []
                for name in ["dies", "stopped", "absent"] {
                    let id = try await kubelet.run(name, in: pod, "exec sleep 1000")
                    kill(try monitor(of: id, daemon), SIGKILL)
                    ids.append(id)
                }
                if restarting { try await daemon.restart() }
                for id in ids { #expect(try await kubelet.status(id).state == .containerRunning) }
                kill(try #require(try await kubelet.hostProcess(of: ids[0])), SIGKILL)
                let status = try await kubelet.exited(ids[0])
                #expect(status.exitCode == 255 && status.reason == "Error" && status.message.contains("conmon"))
                try await kubelet.stop(ids[1], grace: 0)
                #expect(try await kubelet.status(ids[1]).exitCode == 255)
                // And one that ends while nobody is there to see it.
                let last = try #require(try await kubelet.hostProcess(of: ids[2]))
                try await daemon.end(SIGKILL)
                kill(last, SIGKILL)
                try await daemon.start()
                #expect(try await kubelet.exited(ids[2]).message.contains("conmon"))
            }
        }

        @Test("A container whose cgroup is killed as a whole has ended by SIGKILL")
        func killedWhole() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "sleep 1000 & sleep 1000 & exec sleep 1000")
                let cgroup = try cgroup(of: #require(try await kubelet.hostProcess(of: id)))
                let directory = CgroupFile.isV1 ? "/sys/fs/cgroup/memory\(cgroup)" : "/sys/fs/cgroup\(cgroup)"
                try await shell("[ -e \(directory)/cgroup.kill ] && echo 1 >\(directory)/cgroup.kill || kill -KILL $(cat \(directory)/cgroup.procs)")
                let status = try await kubelet.exited(id)
                #expect(status.exitCode == 137 && status.reason == "Error")
                // The same name again, as the kubelet does it.
                let again = try await kubelet.run("c", in: pod, "exec sleep 1000") { $0.metadata.attempt = 1 }
                #expect(try await kubelet.status(again).state == .containerRunning)
            }
        }

        @Test(
            "Scopes that someone stops: a container has ended, a pod without its init is not ready, and both can go",
            .enabled(if: Combination.current.usesSystemd))
        func scopesStopped() async throws {
            try await Daemon.duringPod(Self.shared) { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "trap 'exit 9' TERM; while :; do sleep 0.05; done") {
                    $0.linux.securityContext.namespaceOptions.pid = .pod
                }
                try await shell("systemctl stop swiftlet-\(id).scope")
                let status = try await kubelet.exited(id)
                #expect([9, 143].contains(status.exitCode) && status.reason == "Error")
                let other = try await kubelet.run("other", in: pod, "exec sleep 1000") { $0.linux.securityContext.namespaceOptions.pid = .pod }
                try await shell("systemctl stop swiftlet-\(pod.id).scope")
                try await eventually("the pod is not ready") { try await kubelet.status(pod: pod.id).state == .sandboxNotready }
                #expect(try await kubelet.exited(other).exitCode == 137)
                try await kubelet.removePod(pod.id)
            }
        }

        @Test("Monitors run in the slice that is configured", .enabled(if: Combination.current.usesSystemd))
        func monitorSlice() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                try await daemon.reload("[crio.runtime]\nconmon_cgroup = \"system.slice\"\n")
                try await daemon.restart()
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000")
                #expect(try cgroup(of: monitor(of: id, daemon)) == "/system.slice/swiftlet-conmon-\(id).scope")
            }
        }

        @Test("Scopes of the daemon's that it knows nothing of are ended; another daemon's stay", .enabled(if: Combination.current.usesSystemd))
        func unownedScopes() async throws {
            try await Daemon.during { daemon in
                let ids = (0..<2).map { String(repeating: "\($0)a", count: 32) }
                for (id, root) in zip(ids, [daemon.root, "/another"]) {
                    try await shell(
                        """
                        systemd-run --quiet --scope --unit=swiftlet-conmon-\(id) --description='Monitor of container x of Swiftlet at \(root)' \
                            sleep 1000 >/dev/null 2>&1 &
                        until systemctl --quiet is-active swiftlet-conmon-\(id).scope; do sleep 0.05; done
                        """)
                }
                try await daemon.restart()
                func isActive(_ id: String) async -> Bool {
                    (try? await shell("systemctl --quiet is-active swiftlet-conmon-\(id).scope")) != nil
                }
                try await eventually("its own is gone") { await !isActive(ids[0]) }
                #expect(await isActive(ids[1]))
                try await shell("systemctl kill -s KILL swiftlet-conmon-\(ids[1]).scope")
            }
        }

        @Test(
            "Scopes are part of a shutdown's order: a container may take its pod's time, the init ends after it, the monitor ignores the signal",
            .enabled(if: Combination.current.usesSystemd))
        func shutdown() async throws {
            try await Daemon.duringPod(Self.shared) { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.annotations["io.kubernetes.pod.terminationGracePeriod"] = "3"
                    $0.linux.securityContext.namespaceOptions.pid = .pod
                }
                func properties(_ scope: String) async throws -> [String: String] {
                    let lines = try await shell("systemctl show \(scope)").split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1) }
                    return Dictionary(lines.filter { $0.count == 2 }.map { (String($0[0]), String($0[1])) }) { $1 }
                }
                let container = try await properties("swiftlet-\(id).scope")
                #expect(container["TimeoutStopUSec"] == "3s" && container["CollectMode"] == "inactive-or-failed")
                #expect(container["After"]?.contains("swiftlet-\(pod.id).scope") == true)
                let monitor = try await properties("swiftlet-conmon-\(id).scope")
                #expect(monitor["TimeoutStopUSec"] == "8s" && monitor["KillSignal"] == "\(SIGPIPE)")
                for scope in [container, monitor, try await properties("swiftlet-\(pod.id).scope")] {
                    #expect(scope["Conflicts"]?.contains("shutdown.target") == true && scope["Before"]?.contains("shutdown.target") == true)
                }
            }
        }

        @Test("Containers outlive a systemd that executes itself anew, and more can be made", .enabled(if: Combination.current.usesSystemd))
        func systemdAnew() async throws {
            try await Daemon.duringPod(Self.shared) { daemon, pod in
                let kubelet = daemon.kubelet
                let before = try await kubelet.run("before", in: pod, "exec sleep 1000")
                try await shell("systemctl daemon-reexec; systemctl daemon-reload")
                let after = try await kubelet.run("after", in: pod, "exec sleep 1000")
                for id in [before, after] {
                    #expect(try await kubelet.status(id).state == .containerRunning)
                    #expect(try cgroup(of: monitor(of: id, daemon)).hasSuffix("/swiftlet-conmon-\(id).scope"))
                }
            }
        }

        private static func shared(_ pod: inout Runtime_V1_PodSandboxConfig) { pod.linux.securityContext.namespaceOptions.pid = .pod }

        private func exists(_ parent: String) -> Bool {
            let path = Combination.current.path(ofParent: parent)
            return ["/sys/fs/cgroup", "/sys/fs/cgroup/memory"].contains { Files.exists($0 + path) }
        }

        private func monitor(of id: String, _ daemon: Daemon) throws -> Int32 {
            try #require(Int32(try Files.readText("\(daemon.runroot)/containers/\(id)/conmon.pid").filter(\.isNumber)))
        }

        /// The path of a process's cgroup: the only one, or v1's of memory.
        private func cgroup(of pid: Int32) throws -> String {
            let lines = try Files.readText("/proc/\(pid)/cgroup").split(separator: "\n")
            let line = try #require(lines.first { CgroupFile.isV1 ? $0.contains(":memory:") : $0.hasPrefix("0::") })
            return String(line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)[2])
        }
    }
}
