import CRI
import GRPCCore
import Linux
import Testing

extension Integration {
    @Suite struct Handlers {
        @Test("A pod's containers are the runtime's that it asked for, to its end, whatever the configuration becomes")
        func secondHandler() async throws {
            let place = try makeTemporaryDirectory()
            let (wrapper, trace) = ("\(place)/traced", "\(place)/trace")
            try Files.write("#!/bin/sh\necho \"$@\" >>\(trace)\nexec \(Combination.current.runtime) \"$@\"\n", creating: wrapper)
            try await shell("chmod +x \(wrapper)")
            do {
                try await Daemon.during(configuration: "[crio.runtime.runtimes.traced]\nruntime_path = \"\(wrapper)\"\n") { daemon in
                    try await use(daemon, trace)
                }
            } catch {
                try Files.removeTree(place)
                throw error
            }
            try Files.removeTree(place)
        }

        @Test("A container whose start failed has no process, however far the runtime came")
        func failedStart() async throws {
            let place = try makeTemporaryDirectory()
            let script = """
                #!/bin/sh
                \(Combination.current.runtime) "$@"; code=$?
                for word; do [ "$word" != start ] || { echo "the start failed late" >&2; exit 9; }; done
                exit $code
                """
            try Files.write(script, creating: "\(place)/late")
            try await shell("chmod +x \(place)/late")
            let result: Result<Void, any Error>
            do {
                try await Daemon.during(configuration: "[crio.runtime.runtimes.late]\nruntime_path = \"\(place)/late\"\n") { daemon in
                    let kubelet = daemon.kubelet
                    _ = try await kubelet.pull(Lab.current.busybox)
                    let id = try await kubelet.create("c", in: try await run("late", "late", kubelet), "exec sleep 1000")
                    let process = try #require(try await kubelet.hostProcess(of: id))
                    #expect(await failure { try await kubelet.start(id) }?.message.contains("failed late") == true)
                    #expect(try await kubelet.exited(id).exitCode == 128)
                    try await eventually("it is gone") { !Files.exists("/proc/\(process)") }
                }
                result = .success(())
            } catch { result = .failure(error) }
            try Files.removeTree(place)
            try result.get()
        }

        private func use(_ daemon: Daemon, _ trace: String) async throws {
            let kubelet = daemon.kubelet
            func traced(_ word: String) throws -> Int {
                try Files.readText(trace).split(separator: "\n").count { $0.split(separator: " ").contains { $0 == word } }
            }
            func handlers() async throws -> [String] { try await kubelet.runtime.status(.init()).runtimeHandlers.map(\.name) }
            for _ in 0..<3 { #expect(try await Set(handlers()).isSuperset(of: ["", "runc", "traced"])) }
            #expect(try traced("features") == 1, "a runtime is asked for its features once")

            _ = try await kubelet.pull(Lab.current.busybox)
            let plain = try await kubelet.runPod("plain")
            _ = try await kubelet.run("c", in: plain, "exec sleep 1000")
            #expect(try traced("create") == 0)
            let pod = try await run("traced", "traced", kubelet)
            let id = try await kubelet.run("c", in: pod, "exec sleep 1000")
            #expect(try traced("create") == 1 && traced("start") == 1)
            #expect(try await kubelet.status(pod: pod.id).runtimeHandler == "traced")

            // The name goes to nobody, and the pod still is what it was.
            let file = "\(daemon.directory)/swiftlet.conf"
            try Files.write(Files.readText(file).replacing("runtimes.traced", with: "runtimes.other"), creating: file)
            try await daemon.restart()
            #expect(try await Set(handlers()).isSuperset(of: ["", "runc", "other"]))
            #expect(try await kubelet.output(id, "echo here") == "here")
            #expect(try traced("exec") == 1)
            let late = try await kubelet.run("late", in: pod, "exec sleep 1000")
            #expect(try await kubelet.output(late, "cat /proc/1/comm") == "sleep")
            #expect(try traced("create") == 2)
            let refused = await failure { try await run("again", "traced", kubelet) }
            #expect(refused?.code == .invalidArgument && refused?.message.contains("other, runc") == true)
            try await kubelet.removePod(pod.id)
            #expect(try traced("delete") >= 2)
        }

        private func run(_ name: String, _ handler: String, _ kubelet: Kubelet) async throws -> TestPod {
            let configuration = kubelet.podConfiguration(name)
            let response = try await kubelet.runtime.runPodSandbox(
                .with {
                    $0.config = configuration
                    $0.runtimeHandler = handler
                })
            return TestPod(id: response.podSandboxID, configuration: configuration)
        }
    }
}
