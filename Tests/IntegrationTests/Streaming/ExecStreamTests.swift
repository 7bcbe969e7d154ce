import CRI
import Glibc
import NIOCore
import StreamingClient
import Testing

extension Integration.Streaming {
    @Suite struct Exec {
        typealias Transport = RemoteCommandClient.Transport

        @Test("Streams apart, exit codes exact", arguments: Transport.allCases)
        func codes(transport: Transport) async throws {
            try await withContainer { daemon, _, id in
                let ends = ["exit 0": 0, "exit 1": 1, "exit 42": 42, "exit 255": 255, "kill -KILL $$": 137, "kill -TERM $$": 143]
                for (end, code) in ends {
                    let output = try await daemon.kubelet.stream(id, "echo out; echo err >&2; \(end)", by: transport) { try await $0.output() }
                    #expect(output.stdout == "out\n")
                    #expect(output.stderr == "err\n")
                    #expect(output.exitCode == code, "\(end): \(output.status)")
                }
                let url = try await daemon.kubelet.execURL(id, ["/no/such/program"])
                let missing = try await RemoteCommandClient.with(url, transport, [.stdout, .stderr]) { try await $0.output() }
                #expect(missing.exitCode != 0)
                #expect((missing.stderr + missing.status).contains("/no/such/program"))
            }
        }

        @Test("Binary data whole both ways, and the end of input ends cat", arguments: Transport.allCases)
        func cat(transport: Transport) async throws {
            try await withContainer { daemon, _, id in
                let data = ByteBuffer.random(5_000_001)
                let output = try await daemon.kubelet.stream(id, "cat; echo ended >&2", by: transport, stdin: true) { client in
                    let input = client.input
                    async let sent: Void = send(data, to: input)
                    let output = try await client.output()
                    try await sent
                    return output
                }
                #expect(output[.stdout] == data)
                #expect(output.stderr == "ended\n")
                #expect(output.exitCode == 0)
            }
        }

        @Test("50 sessions at once with a terminal each: size, input, output and code are each one's own")
        func terminals() async throws {
            try await withContainer { daemon, _, id in
                let kubelet = daemon.kubelet
                try await daemon.keepingFigures {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<50 {
                            group.addTask {
                                let size = "24 \(80 + number)"
                                let script = """
                                    until [ "$(stty size)" = "\(size)" ]; do sleep 0.05; done
                                    stty size; read line; echo "got $line"; exit \(number)
                                    """
                                let transport = Transport.allCases[number % 2]
                                let output = try await kubelet.stream(id, script, by: transport, stdin: true, tty: true) { client in
                                    try await client.input.resize(columns: 80 + number, rows: 24)
                                    try await client.input.send("session \(number)\r")
                                    return try await client.output()
                                }
                                // The terminal's own echo, once, though the input came before the command ran.
                                #expect(output.stdout.components(of: "session \(number)\r\n") == 2, "\(output.stdout)")
                                #expect(output.stdout.contains("\(size)\r\n"))
                                #expect(output.stdout.hasSuffix("got session \(number)\r\n"))
                                #expect(output.exitCode == number)
                            }
                        }
                        try await group.waitForAll()
                    }
                }
            }
        }

        @Test("A terminal follows the client's and takes its keys", arguments: Transport.allCases)
        func terminal(transport: Transport) async throws {
            try await withContainer { daemon, _, id in
                let script = "trap 'stty size' WINCH; trap 'echo interrupted; exit 3' INT; tty; while :; do sleep 0.1; done"
                try await daemon.kubelet.stream(id, script, by: transport, stdin: true, tty: true) { client in
                    try await client.receive("/dev/pts/")
                    try await client.input.resize(columns: 132, rows: 50)
                    try await client.receive("50 132\r\n")
                    try await client.input.resize(columns: 20, rows: 10)
                    try await client.receive("10 20\r\n")
                    try await client.input.send("\u{3}")
                    let output = try await client.output()
                    #expect(output.stdout.contains("interrupted\r\n"))
                    #expect(output.exitCode == 3)
                }
            }
        }

        @Test("A client that leaves ends its command, whatever that was doing, and nothing stays", arguments: Transport.allCases, [false, true])
        func clientGone(transport: Transport, tty: Bool) async throws {
            try await withContainer { daemon, _, id in
                let kubelet = daemon.kubelet
                try await kubelet.stream(id, "echo warm", by: transport, stdin: true, tty: tty) { _ = try await $0.output() }
                try await daemon.keepingFigures {
                    for script in [
                        "trap '' HUP; echo begun; sleep 9753 & sleep 9753", "echo begun; exec yes 9753", "echo begun; cat >/dev/null; sleep 9753",
                    ] {
                        try await kubelet.stream(id, script, by: transport, stdin: true, tty: tty) { _ = try await $0.receive("begun") }
                    }
                    try await eventually("the processes are gone") { try await !kubelet.output(id, "ps -o args | grep -v grep").contains("9753") }
                }
                #expect(try await shell("find \(daemon.runroot) -name 'exec-*' | wc -l") == "0\n")
            }
        }

        @Test("With its container, a command ends; in one that is not running any more, none starts", arguments: Transport.allCases)
        func containerGone(transport: Transport) async throws {
            try await withContainer { daemon, _, id in
                let later = try await daemon.kubelet.execURL(id, ["true"])
                let output = try await daemon.kubelet.stream(id, "trap '' TERM; echo begun; sleep 1000", by: transport) { client in
                    try await client.receive("begun")
                    try await daemon.kubelet.stop(id)
                    return try await client.output()
                }
                #expect(output.exitCode == 137, "\(output.status)")
                let refused = try await RemoteCommandClient.with(later, transport, [.stdout, .stderr]) { try await $0.output() }
                #expect(refused.exitCode == nil)
                #expect(refused.status.contains("not running") || refused.status.contains("exited"), "\(refused.status)")
            }
        }

        @Test("A daemon that ends ends the commands of its clients", arguments: [SIGTERM, SIGKILL])
        func daemonGone(signal: Int32) async throws {
            try await withContainer { daemon, _, id in
                try await daemon.kubelet.stream(id, "trap '' HUP; echo begun; sleep 8642 >/dev/null", by: .spdy) { client in
                    try await client.receive("begun")
                    try await daemon.restart(signal)
                }
                try await eventually("the processes are gone") {
                    try await !daemon.kubelet.output(id, "ps -o args | grep -v grep").contains("8642")
                }
            }
        }
    }
}

/// Sends all of `data` in pieces, and its end.
func send(_ data: ByteBuffer, to input: RemoteInput) async throws {
    var rest = data
    while let piece = rest.readSlice(length: min(100_000, rest.readableBytes)), piece.readableBytes > 0 { try await input.send(piece) }
    try await input.finish()
}

extension String {
    /// How often `part` is in it.
    func components(of part: String) -> Int { split(separator: part, omittingEmptySubsequences: false).count - 1 }
}
