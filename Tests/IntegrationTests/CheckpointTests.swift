import CRI
import FoundationEssentials
import GRPCCore
import Glibc
import Linux
import Testing

extension Integration {
    /// With the real CRIU, where it works; the kernel may be too new for the host's.
    @Suite(.enabled("criu does not work on this host: `criu check` says why") { await Criu.works }) struct Checkpoints {
        @Test("A counting loop is checkpointed, goes on, and is restored in another pod, where it goes on from there")
        func restored() async throws {
            try await withCounter { daemon, counter in
                let archive = "\(daemon.directory)/counter.tar"
                try await counter.checkpoint(to: archive)
                let then = try await counter.count()
                try await eventually("the container goes on") { try await counter.count() > then }
                #expect(try await shell("stat -c %a \(archive)") == "600\n")
                let names = Set(try await shell("tar -tf \(archive)").split(separator: "\n").map(String.init))
                let parts = ["config.dump", "spec.dump", "stats-dump", "dump.log", "deleted.files", "rootfs-diff.tar"]
                for name in parts + ["io.kubernetes.cri-o.LogPath", "checkpoint/", "checkpoint/inventory.img"] { #expect(names.contains(name)) }
                try await daemon.kubelet.removePod(counter.pod.id)

                let pod = try await daemon.kubelet.runPod("second")
                let second = Counter(kubelet: daemon.kubelet, pod: pod, id: try await restore(archive, in: pod, daemon.kubelet))
                #expect(try await daemon.kubelet.status(second.id).state == .containerCreated)
                try await daemon.kubelet.start(second.id)
                try await second.expectToGoOn(log: "\(daemon.kubelet.logs)/second/again.log")
                try await daemon.kubelet.stop(second.id)
                #expect(try await daemon.kubelet.status(second.id).exitCode == 137)
            }
        }

        @Test("A checkpoint asked for twice at once and once more is the same archive each time")
        func repeated() async throws {
            try await withCounter { daemon, counter in
                let archive = "\(daemon.directory)/counter.tar"
                async let first: Void = counter.checkpoint(to: archive)
                async let second: Void = counter.checkpoint(to: archive)
                _ = try await (first, second)
                try await counter.checkpoint(to: archive)
                #expect(try await shell("tar -tf \(archive)").contains("config.dump"))
                #expect(try await shell("ls \(daemon.directory)").split(separator: "\n").filter { $0.contains("counter.tar") }.count == 1)
            }
        }

        @Test("An image with the annotation of a checkpoint is restored")
        func image() async throws {
            try await withCounter { daemon, counter in
                let archive = "\(daemon.directory)/counter.tar"
                try await counter.checkpoint(to: archive)
                let name = "\(try Lab.current.registry)/tests/checkpoint:1"
                let annotations = #"{"io.kubernetes.cri-o.annotations.checkpoint.name":"counter"}"#
                try await shell("cd \(Lab.scripts); ./push-image \(name) -a '\(annotations)' \(archive)")
                _ = try await daemon.kubelet.pull(name)
                let pod = try await daemon.kubelet.runPod("second")
                let second = Counter(kubelet: daemon.kubelet, pod: pod, id: try await restore(name, in: pod, daemon.kubelet))
                try await daemon.kubelet.start(second.id)
                try await second.expectToGoOn(log: "\(daemon.kubelet.logs)/second/again.log")
                // All of it was copied: nobody holds the image.
                _ = try await daemon.kubelet.images.removeImage(.with { $0.image.image = name })
                #expect(try await daemon.kubelet.image(name) == nil)
            }
        }

        @Test("A container to be restored survives a restart of the daemon, and can be stopped and removed before its start")
        func beforeStart() async throws {
            try await withCounter { daemon, counter in
                let archive = "\(daemon.directory)/counter.tar"
                try await counter.checkpoint(to: archive)
                let pod = try await daemon.kubelet.runPod("second")
                let kept = try await restore(archive, in: pod, daemon.kubelet)
                let stopped = try await restore(archive, in: pod, daemon.kubelet, as: "stopped")
                try Files.removeTree(archive)
                try await daemon.restart(SIGKILL)
                #expect(try await daemon.kubelet.status(kept).state == .containerCreated)
                try await daemon.kubelet.stop(stopped, grace: 5)
                #expect(try await daemon.kubelet.status(stopped).state == .containerExited)
                #expect(await failure { try await daemon.kubelet.start(stopped) } != nil)
                try await daemon.kubelet.start(kept)
                let second = Counter(kubelet: daemon.kubelet, pod: pod, id: kept)
                try await second.expectToGoOn(log: "\(daemon.kubelet.logs)/second/again.log")
            }
        }

        @Test("SIGKILL at any moment of a checkpoint leaves the container running and no file")
        func crash() async throws {
            try await withCounter { daemon, counter in
                let directory = "\(daemon.directory)/archives"
                try Files.makeDirectories(directory)
                for _ in 0..<4 {
                    let checkpoint = Task { try await counter.checkpoint(to: "\(directory)/archive") }
                    try await Task.sleep(for: .milliseconds(.random(in: 20...400)))
                    try await daemon.restart(SIGKILL)
                    _ = await checkpoint.result
                    #expect(try Files.list(directory).allSatisfy { $0 == "archive" })
                    let then = try await counter.count()
                    try await eventually("the container goes on") { try await counter.count() > then }
                }
                try await counter.checkpoint(to: "\(directory)/archive")
                #expect(try Files.list(directory) == ["archive"])
            }
        }

        @Test("Stopping a container while it is checkpointed ends it, and the archive is whole or not there")
        func stopMeanwhile() async throws {
            try await withCounter { daemon, counter in
                let archive = "\(daemon.directory)/counter.tar"
                let checkpoint = Task { try await counter.checkpoint(to: archive) }
                try await Task.sleep(for: .milliseconds(.random(in: 50...200)))
                try await daemon.kubelet.stop(counter.id)
                let isThere = if case .success = await checkpoint.result { true } else { false }
                #expect(try await daemon.kubelet.status(counter.id).state == .containerExited)
                #expect(Files.exists(archive) == isThere)
                if isThere { try await shell("tar -tf \(archive)") }
                let late = await failure { try await counter.checkpoint(to: archive) }
                #expect(late?.code == .failedPrecondition)
            }
        }

        @Test("What cannot be restored is refused with the reason")
        func refusals() async throws {
            try await withCounter { daemon, counter in
                let kubelet = daemon.kubelet
                let archive = "\(daemon.directory)/counter.tar"
                for location in ["", "relative", "\(daemon.directory)/absent/file", daemon.directory] {
                    #expect(await failure { try await counter.checkpoint(to: location) }?.code == .invalidArgument)
                }
                try await counter.checkpoint(to: archive)
                try await shell("head -c 3000 \(archive) >\(daemon.directory)/cut.tar")
                let cut = await failure { try await restore("\(daemon.directory)/cut.tar", in: counter.pod, kubelet, as: "cut") }
                #expect(cut?.code == .invalidArgument)
                #expect(cut?.message.contains("cut.tar") == true)
                let mounted = try await kubelet.run("mounted", in: counter.pod, "exec sleep 1000") {
                    $0.mounts = [
                        .with {
                            $0.hostPath = "\(daemon.directory)/data"
                            $0.containerPath = "/data"
                        }
                    ]
                }
                let other = "\(daemon.directory)/mounted.tar"
                try await Counter(kubelet: kubelet, pod: counter.pod, id: mounted).checkpoint(to: other)
                let missing = await failure { try await restore(other, in: counter.pod, kubelet, as: "m") }
                #expect(missing?.code == .invalidArgument)
                #expect(missing?.message.contains("/data") == true)
                try await kubelet.removePod(counter.pod.id)
                _ = try await kubelet.images.removeImage(.with { $0.image.image = try Lab.current.busybox })
                let pod = try await kubelet.runPod("second")
                let absent = await failure { try await restore(archive, in: pod, kubelet) }
                #expect(absent?.code == .notFound)
                #expect(absent?.message.contains("busybox") == true)
            }
        }

        /// Runs `body` with a container that counts.
        private func withCounter(_ body: (Daemon, Counter) async throws -> Void) async throws {
            try await Daemon.during { daemon in
                _ = try await daemon.kubelet.pull(Lab.current.busybox)
                let pod = try await daemon.kubelet.runPod("first")
                let script = "echo made >/tmp/made; rm /etc/group; i=0; while :; do i=$((i+1)); echo $i; echo $i >/count; sleep 0.05; done"
                let counter = Counter(kubelet: daemon.kubelet, pod: pod, id: try await daemon.kubelet.run("counter", in: pod, script))
                try await eventually("it counts") { try await counter.count() > 5 }
                try await body(daemon, counter)
            }
        }

        private func restore(_ image: String, in pod: TestPod, _ kubelet: Kubelet, as name: String = "again") async throws -> String {
            try await kubelet.create(name, in: pod, "") {
                $0.image.image = image
                $0.command = []
            }
        }
    }

    /// Where CRIU does not work, or is not wanted, the answer says so.
    @Suite struct CheckpointAnswers {
        @Test("With enable_criu_support = false a checkpoint is UNIMPLEMENTED, and says which key it is")
        func disabled() async throws {
            try await Daemon.during { daemon in
                try await shell("sed -i 's/^cgroup_manager/enable_criu_support = false\\n&/' \(daemon.directory)/swiftlet.conf")
                try await daemon.restart()
                let error = try await checkpointError(daemon)
                #expect(error?.code == .unimplemented)
                #expect(error?.message.contains("enable_criu_support") == true)
            }
        }

        @Test("Where CRIU is not there or does not work, the answer says why", .disabled("criu works on this host") { await Criu.works })
        func broken() async throws {
            try await Daemon.during { daemon in
                let error = try await checkpointError(daemon)
                #expect(error?.code == .failedPrecondition || error?.code == .unimplemented)
                #expect(error?.message.contains("criu") == true)
                try Files.write("no matter what", creating: "\(daemon.directory)/archive")
                let pod = try await daemon.kubelet.runPod("other")
                let restore = await failure {
                    try await daemon.kubelet.create("c", in: pod, "true") { $0.image.image = "\(daemon.directory)/archive" }
                }
                #expect(restore?.code == error?.code)
            }
        }

        private func checkpointError(_ daemon: Daemon) async throws -> RPCError? {
            _ = try await daemon.kubelet.pull(Lab.current.busybox)
            let pod = try await daemon.kubelet.runPod("pod")
            let id = try await daemon.kubelet.run("c", in: pod, "exec sleep 1000")
            let counter = Counter(kubelet: daemon.kubelet, pod: pod, id: id)
            return await failure { try await counter.checkpoint(to: "\(daemon.directory)/archive") }
        }
    }
}

/// Whether the host's CRIU works.
enum Criu {
    static var works: Bool {
        get async { (try? await shell("criu check")) != nil }
    }
}

/// A container that writes 1, 2, 3 and so on into its log and its file /count.
private struct Counter: Sendable {
    let kubelet: Kubelet
    let pod: TestPod
    let id: String

    func count() async throws -> Int { Int(try await kubelet.output(id, "cat /count")) ?? 0 }

    func checkpoint(to location: String) async throws {
        _ = try await kubelet.runtime.checkpointContainer(
            .with {
                $0.containerID = id
                $0.location = location
                $0.timeout = 60
            })
    }

    /// Expects that a restored container has the first one's files, and counts where that one was, not from 1 again.
    func expectToGoOn(log: String) async throws {
        #expect(try await kubelet.output(id, "cat /tmp/made; ls /etc/group 2>/dev/null") == "made")
        func numbers() throws -> [Int] { try LogLine.read(log).compactMap { Int($0.text) } }
        let restored = try await count()
        #expect(restored > 5)
        try await eventually("it counts on") { try await count() > restored + 3 }
        let all = try numbers()
        #expect(all == Array(1...all.count), "the log goes on where the checkpoint's ends")
        #expect(all.count > restored)
    }
}
