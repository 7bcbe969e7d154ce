import CRI
import FoundationEssentials
import GRPCCore
import Linux
import Testing

extension Integration {
    @Suite struct Containers {
        @Test("A container's state, times, exit code and reason", arguments: [(0, "Completed"), (7, "Error"), (200, "Error")])
        func exit(code: Int32, reason: String) async throws {
            try await withPod { kubelet, pod in
                let id = try await kubelet.create("c", in: pod, "exit \(code)")
                #expect(try await kubelet.status(id).state == .containerCreated)
                try await kubelet.start(id)
                let status = try await kubelet.exited(id)
                #expect(status.exitCode == code)
                #expect(status.reason == reason)
                #expect(status.createdAt > 0 && status.startedAt >= status.createdAt && status.finishedAt >= status.startedAt)
                let again = await failure { try await kubelet.start(id) }
                #expect(again != nil, "an exited container does not start")
            }
        }

        @Test("Commands and arguments may be long; one that is too long for a path is refused with the kernel's reason")
        func longCommands() async throws {
            try await withPod { kubelet, pod in
                let long = String(repeating: "a", count: 60_000)
                let id = try await kubelet.run("long", in: pod, "echo \(long.count) \(long); exec sleep 1000")
                #expect(try await kubelet.exec(id, "echo \(long)").stdout.count == 60_001)
                for command in ["/\(long)", long] {
                    let refused = await failure { try await kubelet.create("never", in: pod, "") { $0.command = [command] } }
                    #expect(refused != nil && refused?.code != .deadlineExceeded)
                    if command.hasPrefix("/") { #expect(refused?.message.lowercased().contains("file name too long") == true, "\(refused?.message ?? "")") }
                    let result = try await kubelet.runtime.execSync(
                        .with {
                            $0.containerID = id
                            $0.cmd = [command]
                        })
                    #expect(result.exitCode != 0)
                }
            }
        }

        @Test("A container beyond its memory limit is OOMKilled")
        func outOfMemory() async throws {
            try await withPod { kubelet, pod in
                let id = try await kubelet.run("hungry", in: pod, "exec tail /dev/zero") {
                    $0.linux.resources.memoryLimitInBytes = 32 << 20
                }
                let status = try await kubelet.exited(id)
                #expect(status.reason == "OOMKilled")
                #expect(status.exitCode == 137)
            }
        }

        @Test("Environment, directory, user, groups, capabilities and root file system are as asked for")
        func view() async throws {
            try await withPod { kubelet, pod in
                let id = try await kubelet.run("view", in: pod, "exec sleep 1000") {
                    $0.envs = [
                        .with {
                            $0.key = "GREETING"
                            $0.value = Data("hello there".utf8)
                        }
                    ]
                    $0.workingDir = "/tmp"
                    $0.linux.securityContext.runAsUser.value = 1234
                    $0.linux.securityContext.runAsGroup.value = 4321
                    $0.linux.securityContext.supplementalGroups = [777]
                    $0.linux.securityContext.readonlyRootfs = true
                    $0.linux.securityContext.noNewPrivs = true
                    $0.linux.securityContext.capabilities.dropCapabilities = ["ALL"]
                }
                let own = try await kubelet.output(id, "echo $GREETING; pwd; id -u; id -g; id -G")
                #expect(own == "hello there\n/tmp\n1234\n4321\n4321 777")
                let status = try await kubelet.output(id, "cat /proc/self/status")
                #expect(status.contains("NoNewPrivs:\t1"))
                #expect(status.contains("CapBnd:\t0000000000000000"))
                #expect(try await kubelet.exec(id, "touch /tmp/file").exitCode != 0)
            }
        }

        @Test("Mounts: writable, read-only, and a host path that is not there")
        func mounts() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("mounts")
                try Files.makeDirectories("\(daemon.directory)/volume")
                try Files.write("from the host\n", creating: "\(daemon.directory)/volume/file")
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.mounts = [
                        .with {
                            $0.hostPath = "\(daemon.directory)/volume"
                            $0.containerPath = "/writable"
                        },
                        .with {
                            $0.hostPath = "\(daemon.directory)/volume"
                            $0.containerPath = "/fixed"
                            $0.readonly = true
                        },
                        .with {
                            $0.hostPath = "\(daemon.directory)/made"
                            $0.containerPath = "/made"
                        },
                    ]
                }
                let inside = try await kubelet.output(id, "cat /fixed/file; echo from inside >/writable/other; ls -d /made")
                #expect(inside == "from the host\n/made")
                #expect(try Files.readText("\(daemon.directory)/volume/other") == "from inside\n")
                #expect(try await kubelet.exec(id, "touch /fixed/file2").exitCode != 0)
                #expect(try await kubelet.status(id).mounts.map(\.containerPath) == ["/writable", "/fixed", "/made"])
            }
        }

        @Test("Stopping waits for the grace period, then kills; stopping and removing twice are successes")
        func stopping() async throws {
            try await withPod { kubelet, pod in
                let graceful = try await kubelet.run("graceful", in: pod, "trap 'exit 5' TERM; while :; do sleep 0.05; done")
                try await Task.sleep(for: .milliseconds(100))
                try await kubelet.stop(graceful, grace: 10)
                #expect(try await kubelet.status(graceful).exitCode == 5)

                let stubborn = try await kubelet.run("stubborn", in: pod, "trap '' TERM; while :; do sleep 0.05; done")
                let start = ContinuousClock.now
                try await kubelet.stop(stubborn, grace: 1)
                #expect((.seconds(1)...Duration.seconds(4)).contains(ContinuousClock.now - start))
                #expect(try await kubelet.status(stubborn).exitCode == 137)

                try await kubelet.stop(stubborn)
                try await kubelet.remove(stubborn)
                try await kubelet.remove(stubborn)
                try await kubelet.stop(stubborn)
                let gone = await failure { try await kubelet.status(stubborn) }
                #expect(gone?.code == .notFound)
            }
        }

        @Test("A running container is removed by force, one of an unknown image is not created")
        func edges() async throws {
            try await withPod { kubelet, pod in
                let running = try await kubelet.run("running", in: pod, "exec sleep 1000")
                try await kubelet.remove(running)
                let unknown = await failure { try await kubelet.create("c", in: pod, "true") { $0.image.image = "absent:1" } }
                #expect(unknown?.message.contains("absent") == true)
                let nowhere = TestPod(id: "feed", configuration: pod.configuration)
                let orphan = await failure { try await kubelet.create("c", in: nowhere, "true") }
                #expect(orphan?.code == .notFound)
                // runc looks for the program when the container is made, other runtimes when it starts.
                let broken = await failure { try await kubelet.run("broken", in: pod, "") { $0.command = ["/no/such/program"] } }
                #expect(broken?.message.contains("/no/such/program") == true)
            }
        }

        @Test("A running container sees new limits, and its status tells them")
        func update() async throws {
            try await withPod { kubelet, pod in
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") { $0.linux.resources.memoryLimitInBytes = 64 << 20 }
                _ = try await kubelet.runtime.updateContainerResources(
                    .with {
                        $0.containerID = id
                        $0.linux.memoryLimitInBytes = 96 << 20
                        $0.linux.cpuQuota = 50000
                        $0.linux.cpuPeriod = 100_000
                    })
                let limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
                #expect(try await kubelet.output(id, limit) == "\(96 << 20)")
                let resources = try await kubelet.status(id).resources.linux
                #expect(resources.memoryLimitInBytes == 96 << 20)
                #expect(resources.cpuQuota == 50000)
            }
        }

        /// Runs `body` with a pod on a daemon that has the image.
        private func withPod(_ body: (Kubelet, TestPod) async throws -> Void) async throws {
            try await Daemon.during { daemon in
                _ = try await daemon.kubelet.pull(Lab.current.busybox)
                try await body(daemon.kubelet, daemon.kubelet.runPod("pod"))
            }
        }
    }
}
