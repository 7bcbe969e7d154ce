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
