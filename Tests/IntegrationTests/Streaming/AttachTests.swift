import CRI
import NIOCore
import StreamingClient
import Testing

extension Integration.Streaming {
    @Suite struct Attach {
        typealias Transport = RemoteCommandClient.Transport

        @Test("Clients attach together, leave and come again; all is in the log, also what came before them", arguments: Transport.allCases)
        func several(transport: Transport) async throws {
            let script = "echo early; while read line; do echo \"out $line\"; echo \"err $line\" >&2; done; echo never"
            try await withContainer(script, { $0.stdin = true }) { daemon, pod, id in
                let kubelet = daemon.kubelet
                let log = "\(pod.configuration.logDirectory)/c.log"
                try await eventually("the log has what came early") { try LogLine.read(log).contains { $0.text == "early" } }
                try await kubelet.attach(id, by: transport, stdin: true) { first in
                    try await first.input.send("one\n")
                    #expect(try await first.receive("out one\n") == "out one\n")
                    try await kubelet.attach(id, by: .spdy, stdin: true) { second in
                        try await second.input.send("two\n")
                        #expect(try await second.receive("out two\n") == "out two\n")
                        // The end of one client's input is not the container's.
                        try await second.input.finish()
                        try await first.receive("out two\n")
                        try await first.input.send("three\n")
                        try await second.receive("out three\n")
                    }
                    try await first.input.send("four\n")
                    try await first.receive("out four\n")
                }
                try await kubelet.attach(id, by: transport, stdin: true) { again in
                    try await again.input.send("five\n")
                    #expect(try await again.receive("out five\n") == "out five\n")
                }
                #expect(try await kubelet.status(id).state == .containerRunning)
                let lines = try LogLine.read(log)
                let words = ["one", "two", "three", "four", "five"]
                #expect(lines.filter { $0.stream == "stdout" }.map(\.text) == ["early"] + words.map { "out \($0)" })
                #expect(lines.filter { $0.stream == "stderr" }.map(\.text) == words.map { "err \($0)" })
            }
        }

        @Test("With stdin_once the container's input ends with its client's, and no byte is lost", arguments: Transport.allCases)
        func once(transport: Transport) async throws {
            let script = "cat >/tmp/got; sha256sum </tmp/got; echo bad >&2; exit 3"
            try await withContainer(
                script,
                {
                    $0.stdin = true
                    $0.stdinOnce = true
                }
            ) { daemon, _, id in
                let data = ByteBuffer.random(3_000_001)
                let output = try await daemon.kubelet.attach(id, by: transport, stdin: true) { client in
                    let input = client.input
                    async let sent: Void = send(data, to: input)
                    let output = try await client.output()
                    try await sent
                    return output
                }
                #expect(output.stdout == "\(sha256(data))  -\n")
                #expect(output.stderr == "bad\n")
                #expect(output.exitCode == 0, "an attach tells of itself, not of the container: \(output.status)")
                #expect(try await daemon.kubelet.exited(id).exitCode == 3)
            }
        }

        @Test("With stdin_once a client that just leaves ends the container's input, too")
        func onceGone() async throws {
            try await withContainer(
                "while read line; do echo $line; done; exit 4",
                {
                    $0.stdin = true
                    $0.stdinOnce = true
                }
            ) { daemon, _, id in
                try await daemon.kubelet.attach(id, by: .webSocket, stdin: true) { client in
                    try await client.input.send("hello\n")
                    try await client.receive("hello\n")
                }
                #expect(try await daemon.kubelet.exited(id).exitCode == 4)
            }
        }

        @Test("A container's terminal follows its client's and takes its keys", arguments: Transport.allCases)
        func terminal(transport: Transport) async throws {
            let script = "trap 'stty size' WINCH; trap 'echo interrupted; exit 3' INT; while :; do sleep 0.1; done"
            try await withContainer(
                script,
                {
                    $0.stdin = true
                    $0.tty = true
                }
            ) { daemon, _, id in
                try await daemon.keepingFigures {
                    try await daemon.kubelet.attach(id, by: transport, stdin: true, tty: true) { client in
                        // What a key echoes shows that the client is attached: a size set before is told to nobody.
                        try await client.input.send("x")
                        try await client.receive("x")
                        try await client.input.resize(columns: 132, rows: 50)
                        try await client.receive("50 132\r\n")
                    }
                }
                let output = try await daemon.kubelet.attach(id, by: transport, stdin: true, tty: true) { client in
                    try await client.input.send("\u{3}")
                    return try await client.output()
                }
                #expect(output.stdout.hasSuffix("interrupted\r\n"))
                #expect(try await daemon.kubelet.exited(id).exitCode == 3)
            }
        }
    }
}
