import CRI
import GRPCCore
import Testing

extension Integration {
    @Suite struct Exec {
        @Test("Output, error output and exit code")
        func result() async throws {
            try await withContainer { kubelet, id in
                let response = try await kubelet.exec(id, "echo out; echo err >&2; exit 42")
                #expect(String(decoding: response.stdout, as: UTF8.self) == "out\n")
                #expect(String(decoding: response.stderr, as: UTF8.self) == "err\n")
                #expect(response.exitCode == 42)
                #expect(try await kubelet.exec(id, "kill -KILL $$").exitCode == 137)
                let binary = try await kubelet.exec(id, "head -c 300000 /dev/zero")
                #expect(binary.stdout.count == 300_000 && binary.stdout.allSatisfy { $0 == 0 })
            }
        }

        @Test("A timeout is DEADLINE_EXCEEDED and ends every process of the command")
        func timeout() async throws {
            try await withContainer { kubelet, id in
                let start = ContinuousClock.now
                let late = await failure { try await kubelet.exec(id, "sleep 4321 & sleep 4321", timeout: 1) }
                #expect(late?.code == .deadlineExceeded)
                #expect((.seconds(1)...Duration.seconds(5)).contains(ContinuousClock.now - start))
                try await eventually("the processes are gone") { try await !kubelet.output(id, "ps -o args").contains("sleep 4321\n") }
            }
        }

        @Test(
            "The answer comes when the command itself ends, whoever still holds or fills its output",
            arguments: ["sleep 4321 & echo said", "(while :; do echo more; done) & echo said", "setsid sleep 4321 </dev/null & echo said"])
        func background(script: String) async throws {
            try await withContainer { kubelet, id in
                for timeout: Int64 in [0, 30] {
                    let response = try await kubelet.exec(id, "\(script); exit 7", timeout: timeout)
                    #expect(response.exitCode == 7)
                    #expect(String(decoding: response.stdout, as: UTF8.self).contains("said\n"))
                    // What it left in the background lives on: a postStart hook starts daemons so.
                    // One that writes on finds its reader gone, and ends by that.
                    guard script.contains("sleep") else { continue }
                    #expect(try await kubelet.output(id, "ps -o args").contains("sleep 4321"))
                }
            }
        }

        @Test("A command whose caller has left is ended, with all that came of it")
        func abandoned() async throws {
            try await withContainer { kubelet, id in
                let caller = Task { try await kubelet.exec(id, "sleep 4322 & sleep 4322") }
                try await eventually("it runs") { try await kubelet.output(id, "ps -o args").contains("sleep 4322") }
                caller.cancel()
                _ = await caller.result
                try await eventually("it is gone") { try await !kubelet.output(id, "ps -o args").contains("sleep 4322\n") }
            }
        }

        @Test("A command that cannot be found, of any length and in any script, costs its caller an error and nobody the connection")
        func longCommand() async throws {
            try await withContainer { kubelet, id in
                for name in [String(repeating: "é", count: 9000), String(repeating: "x", count: 20_000)] {
                    _ = await failure {
                        try await kubelet.runtime.execSync(
                            .with {
                                $0.containerID = id
                                $0.cmd = [name]
                            })
                    }
                    let missing = await failure { try await kubelet.runtime.podSandboxStatus(.with { $0.podSandboxID = name }) }
                    #expect(missing?.code == .notFound)
                    #expect((missing?.message.utf8.count ?? 0) <= 1024)
                }
                let code = try await kubelet.exec(id, "exit 3").exitCode
                #expect(code == 3)
            }
        }

        @Test("Output beyond 16 MiB is cut there")
        func cap() async throws {
            try await withContainer { kubelet, id in
                let response = try await kubelet.exec(id, "head -c 17825792 /dev/zero")
                #expect(response.stdout.count == 16 << 20)
            }
        }

        @Test("50 callers at once, each with its own output and code")
        func many() async throws {
            try await withContainer { kubelet, id in
                let answers = try await withThrowingTaskGroup(of: (Int, String, Int32).self) { group in
                    for index in 0..<50 {
                        group.addTask {
                            let response = try await kubelet.exec(id, "echo caller \(index); exit \(index)")
                            return (index, String(decoding: response.stdout, as: UTF8.self), response.exitCode)
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.count == 50)
                for (index, output, code) in answers {
                    #expect(output == "caller \(index)\n")
                    #expect(code == Int32(index))
                }
            }
        }

        @Test("In a container that is not running, or not there, it is an error")
        func edges() async throws {
            try await withContainer { kubelet, id in
                try await kubelet.stop(id)
                let stopped = await failure { try await kubelet.exec(id, "true") }
                #expect(stopped != nil)
                let unknown = await failure { try await kubelet.exec("feedfeed", "true") }
                #expect(unknown?.code == .notFound)
            }
        }

        /// Runs `body` with a container that sleeps.
        private func withContainer(_ body: (Kubelet, String) async throws -> Void) async throws {
            try await Daemon.during { daemon in
                _ = try await daemon.kubelet.pull(Lab.current.busybox)
                let pod = try await daemon.kubelet.runPod("pod")
                try await body(daemon.kubelet, daemon.kubelet.run("c", in: pod, "trap exit TERM; while :; do sleep 0.1; done"))
            }
        }
    }
}
