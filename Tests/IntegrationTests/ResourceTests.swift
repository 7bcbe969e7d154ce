import CRI
import GRPCCore
import Linux
import Testing

extension Integration {
    @Suite struct Resources {
        @Test("Every limit of the request is in the container's cgroup, and in its status")
        func creation() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") {
                    $0.linux.resources.cpuShares = 512
                    $0.linux.resources.cpuQuota = 30000
                    $0.linux.resources.cpuPeriod = 60000
                    if CgroupFile.cpus.isOffered { $0.linux.resources.cpusetCpus = "0" }
                    $0.linux.resources.memoryLimitInBytes = 48 << 20
                    $0.linux.resources.oomScoreAdj = 321
                    $0.linux.resources.hugepageLimits = [
                        .with {
                            $0.pageSize = "2MB"
                            $0.limit = 0
                        }
                    ]
                }
                #expect(try await kubelet.limit(id, .memory) == "\(48 << 20)")
                if CgroupFile.memoryAndSwap.isOffered {
                    #expect(try await kubelet.limit(id, .memoryAndSwap) == (CgroupFile.isV1 ? "\(48 << 20)" : "0"))
                }
                #expect(try await kubelet.limit(id, .shares) == (CgroupFile.isV1 ? "512" : "20"))
                #expect(try await kubelet.limit(id, .quota) == (CgroupFile.isV1 ? "30000" : "30000 60000"))
                if CgroupFile.cpus.isOffered { #expect(try await kubelet.limit(id, .cpus) == "0") }
                let seen = try await kubelet.output(id, "cat /proc/1/oom_score_adj; grep Cpus_allowed_list /proc/self/status")
                #expect(seen.hasPrefix("321\n") && (!CgroupFile.cpus.isOffered || seen.hasSuffix("\t0")))
                let status = try await kubelet.status(id).resources.linux
                #expect(status.memorySwapLimitInBytes == 48 << 20 && status.cpuShares == 512 && status.oomScoreAdj == 321)
            }
        }

        @Test("Limits change before the container starts and while it runs; -1 lifts one, and zero leaves it")
        func update() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.create("c", in: pod, "sleep 1000 & exec sleep 2000") {
                    $0.linux.resources.memoryLimitInBytes = 64 << 20
                    $0.linux.resources.cpuShares = 300
                }
                try await kubelet.update(id) {
                    $0.cpuQuota = 20000
                    $0.cpuPeriod = 100_000
                    if CgroupFile.cpus.isOffered { $0.cpusetCpus = "0" }
                }
                try await kubelet.start(id)
                #expect(try await kubelet.limit(id, .quota) == (CgroupFile.isV1 ? "20000" : "20000 100000"))
                if CgroupFile.cpus.isOffered { #expect(try await kubelet.limit(id, .cpus) == "0") }
                // Up and down, and above and below what both together were.
                for size in [128, 32] as [Int64] {
                    try await kubelet.update(id) { $0.memoryLimitInBytes = size << 20 }
                    #expect(try await kubelet.limit(id, .memory) == "\(size << 20)")
                    if CgroupFile.memoryAndSwap.isOffered {
                        #expect(try await kubelet.limit(id, .memoryAndSwap) == (CgroupFile.isV1 ? "\(size << 20)" : "0"))
                    }
                }
                try await kubelet.update(id) {
                    $0.cpuQuota = -1
                    $0.memoryLimitInBytes = -1
                    $0.oomScoreAdj = 555
                }
                #expect(try await kubelet.limit(id, .quota) == (CgroupFile.isV1 ? "-1" : "max 100000"))
                #expect(try await kubelet.limit(id, .memory) == (CgroupFile.isV1 ? "9223372036854771712" : "max"))
                #expect(try await kubelet.output(id, "for p in $(pidof sleep); do cat /proc/$p/oom_score_adj; done") == "555\n555")
                #expect(try await kubelet.limit(id, .shares) == (CgroupFile.isV1 ? "300" : "12"))
                let status = try await kubelet.status(id).resources.linux
                #expect(status.cpuQuota == -1 && status.memoryLimitInBytes == -1 && status.oomScoreAdj == 555 && status.cpuShares == 300)
                try await daemon.restart()
                #expect(try await kubelet.status(id).resources.linux == status)
            }
        }

        @Test("A memory limit below what is used is refused with both figures, and nothing changes")
        func belowUsage() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run(
                    "c", in: pod, "dd if=/dev/zero of=/dev/shm/file bs=1M count=40 2>/dev/null; touch /dev/shm/full; exec sleep 1000"
                ) {
                    $0.linux.resources.memoryLimitInBytes = 128 << 20
                }
                try await eventually("memory is used") { try await kubelet.exec(id, "test -e /dev/shm/full").exitCode == 0 }
                let refused = await failure { try await kubelet.update(id) { $0.memoryLimitInBytes = 16 << 20 } }
                #expect(refused?.code == .failedPrecondition)
                let figures = (refused?.message ?? "").matches(of: #/(\d+) bytes/#).compactMap { Int64($0.1) }
                #expect(figures.first == 16 << 20 && figures.count == 2 && figures[1] >= 40 << 20)
                #expect(try await kubelet.limit(id, .memory) == "\(128 << 20)")
                #expect(try await kubelet.status(id).resources.linux.memoryLimitInBytes == 128 << 20)
            }
        }

        @Test("Limits that cannot be are the caller's error, at creation and at an update")
        func wrong() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") { $0.linux.resources.memoryLimitInBytes = 64 << 20 }
                let changes: [(inout Runtime_V1_LinuxContainerResources) -> Void] = [
                    { $0.cpuShares = 1 }, { $0.cpuQuota = 5 }, { $0.cpusetCpus = "none" }, { $0.memoryLimitInBytes = 4096 },
                    { $0.memorySwapLimitInBytes = 1 << 20 }, { $0.oomScoreAdj = 2000 },
                ]
                for change in changes {
                    let update = await failure { try await kubelet.update(id, change) }
                    #expect(update?.code == .invalidArgument)
                    let creation = await failure { try await kubelet.create("other", in: pod, "true") { change(&$0.linux.resources) } }
                    #expect(creation?.code == .invalidArgument)
                }
                let high = await failure { try await kubelet.update(id) { $0.unified = ["memory.high": "\(32 << 20)"] } }
                if CgroupFile.isV1 {
                    #expect(high?.code == .failedPrecondition && high?.message.contains("cgroup v2") == true)
                } else {
                    #expect(try await kubelet.output(id, "cat /sys/fs/cgroup/memory.high") == "\(32 << 20)")
                }
                try await kubelet.stop(id)
                #expect(await failure { try await kubelet.update(id) { $0.cpuShares = 5 } }?.code == .failedPrecondition)
            }
        }

        @Test("A pod's own limits are written into the cgroup that was made for it, and into no other")
        func pods() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                let own = Combination.current.child("own", of: kubelet.cgroupParent)
                let pod = try await kubelet.runPod("own") {
                    $0.linux.cgroupParent = own
                    $0.linux.resources.memoryLimitInBytes = 100 << 20
                    $0.linux.overhead.memoryLimitInBytes = 28 << 20
                    $0.linux.resources.cpuShares = 256
                }
                #expect(try figure(.memory, own) == "\(128 << 20)")
                #expect(try figure(.shares, own) == (CgroupFile.isV1 ? "256" : "10"))
                _ = try await kubelet.runtime.updatePodSandboxResources(
                    .with {
                        $0.podSandboxID = pod.id
                        $0.resources.memoryLimitInBytes = 200 << 20
                    })
                #expect(try figure(.memory, own) == "\(228 << 20)")
                let wrong = await failure {
                    try await kubelet.runtime.updatePodSandboxResources(
                        .with {
                            $0.podSandboxID = pod.id
                            $0.resources.cpuPeriod = 1
                        })
                }
                #expect(wrong?.code == .invalidArgument)

                // Another pod below the same cgroup, as where the kubelet made it: there the kubelet's word counts.
                _ = try await kubelet.runPod("guest") {
                    $0.linux.cgroupParent = own
                    $0.linux.resources.memoryLimitInBytes = 1 << 20
                }
                #expect(try figure(.memory, own) == "\(228 << 20)")
            }
        }

        private func figure(_ file: CgroupFile, _ cgroup: String) throws -> String {
            try Files.readText(file.onHost(cgroup)).filter { !$0.isNewline }
        }
    }
}
