import NIOCore
import StreamingClient
import Testing

@testable import Streaming

@Suite("Exec over SPDY", .timeLimit(.minutes(2))) struct ExecOverSPDYTests {
    private func command(_ words: String..., streams: RequestedStreams = .all) -> RemoteCommand {
        RemoteCommand(containerID: "c", command: words, streams: streams)
    }

    @Test("stdin comes back on stdout, its end is seen, the exit code is told", arguments: [0, 3, 137, 255])
    func cat(code: Int) async throws {
        try await withServer(.cat) { server in
            let url = try server.execURL(command("cat", "\(code)"))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                let error = try await client.open(.error)
                let stdin = try await client.open(.stdin)
                let stdout = try await client.open(.stdout)
                let stderr = try await client.open(.stderr)
                try await client.send(ByteBuffer(string: "hello"), on: stdin)
                try await client.finish(stdin)
                #expect(try await client.receive { $0.ended.isSuperset(of: [error, stdout, stderr]) && $0.goAway != nil })
                #expect(client.received.replied == [error, stdin, stdout, stderr])
                #expect(client.received.text(stdout) == "hello")
                #expect(client.received.text(stderr) == "5")
                #expect(client.received.goAway == 0)
                let success = #"{"metadata":{},"status":"Success"}"#
                let failure =
                    #"{"details":{"causes":[{"message":"\#(code)","reason":"ExitCode"}]},"#
                    + #""message":"command terminated with exit code \#(code)","metadata":{},"reason":"NonZeroExitCode","status":"Failure"}"#
                #expect(client.received.text(error) == (code == 0 ? success : failure))
            }
        }
    }

    @Test("before version 4 a failure is a text and success is nothing", arguments: ["v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"])
    func older(protocolName: String) async throws {
        for code in [0, 2] {
            try await withServer(.cat) { server in
                let url = try server.execURL(command("cat", "\(code)", streams: .output))
                try await SPDYClient.with(url, protocolName) { client in
                    let error = try await client.open(.error)
                    let stdout = try await client.open(.stdout)
                    #expect(try await client.receive { $0.ended.isSuperset(of: [error, stdout]) })
                    #expect(client.received.text(error) == (code == 0 ? "" : "command terminated with exit code 2"))
                }
            }
        }
    }

    @Test("binary data arrives whole and in order, both ways, at full speed")
    func binary() async throws {
        try await withServer(.cat) { server in
            let url = try server.execURL(command("cat"))
            let data = ByteBuffer.random(6 << 20)
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                let error = try await client.open(.error)
                let stdin = try await client.open(.stdin)
                let stdout = try await client.open(.stdout)
                _ = try await client.open(.stderr)
                let connection = client.connection
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let sender = connection.sender
                    group.addTask {
                        var rest = data
                        while let piece = rest.readSlice(length: min(100_000, rest.readableBytes)), piece.readableBytes > 0 {
                            var frame = ByteBuffer()
                            let isLast = rest.readableBytes == 0
                            SPDYFrameEncoder.writeDataHeader(stream: stdin, count: piece.readableBytes, isLast: isLast, into: &frame)
                            frame.writeImmutableBuffer(piece)
                            try await sender.send(frame)
                        }
                    }
                    #expect(try await client.receive { $0.ended.isSuperset(of: [error, stdout]) })
                    try await group.waitForAll()
                }
                #expect(client.received.bytes[stdout] == data)
            }
        }
    }

    @Test("a terminal has its sizes in order, the last known at once")
    func terminal() async throws {
        let backend = FakeBackend(onExec: { _, streams in
            for await size in streams.resizes {
                try await streams.stdout?.write(ByteBuffer(string: "\(size.columns)x\(size.rows) "))
                if size.columns == 200 { break }
            }
            return 0
        })
        try await withServer(backend) { server in
            let url = try server.execURL(command("sh", streams: .terminal))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                let error = try await client.open(.error)
                _ = try await client.open(.stdin)
                let stdout = try await client.open(.stdout)
                let resize = try await client.open(.resize)
                try await client.send(ByteBuffer(string: #"{"Width":80,"#), on: resize)
                try await client.send(ByteBuffer(string: #""Height":24}"# + "\n"), on: resize)
                #expect(try await client.receive { $0.text(stdout) == "80x24 " })
                try await client.send(ByteBuffer(string: #"{"Width":100,"Height":30}{"Width":200,"Height":50}"#), on: resize)
                #expect(try await client.receive { $0.ended.isSuperset(of: [error, stdout]) })
                #expect(client.received.text(stdout) == "80x24 200x50 ")
            }
        }
    }

    @Test("what the backend cannot do is told as an internal error")
    func backendFails() async throws {
        struct Broken: Error, CustomStringConvertible {
            var description: String { "container c is not running" }
        }
        try await withServer(FakeBackend(onExec: { _, _ in throw Broken() })) { server in
            let url = try server.execURL(command("sh", streams: .output))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                let error = try await client.open(.error)
                _ = try await client.open(.stdout)
                #expect(try await client.receive { $0.ended.contains(error) })
                let expected =
                    #"{"code":500,"message":"container c is not running","metadata":{},"reason":"InternalError","status":"Failure"}"#
                #expect(client.received.text(error) == expected)
            }
        }
    }

    @Test("the backend is cancelled when the client is gone, even if it neither reads nor writes")
    func clientGone() async throws {
        let (started, cancelled) = (Flag(), Flag())
        let backend = FakeBackend(onExec: { _, _ in
            await started.set()
            do { try await Task.sleep(for: .seconds(100)) } catch { await cancelled.set() }
            return 0
        })
        try await withServer(backend) { server in
            let url = try server.execURL(command("sleep", streams: .output))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                _ = try await client.open(.error)
                _ = try await client.open(.stdout)
                await started.wait()
            }
            await cancelled.wait()
        }
    }

    @Test("a writer that waits for a slow client learns that it is gone")
    func slowClientGone() async throws {
        let failed = Flag()
        let backend = FakeBackend(onExec: { _, streams in
            do {
                while true { try await streams.stdout?.write(ByteBuffer(repeating: 0, count: 1 << 20)) }
            } catch StreamingError.clientGone {
                await failed.set()
            }
            return 0
        })
        try await withServer(backend) { server in
            let url = try server.execURL(command("yes", streams: .output))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                _ = try await client.open(.error)
                let stdout = try await client.open(.stdout)
                try await client.receive { $0.bytes[stdout] != nil }
            }
            await failed.wait()
        }
    }

    @Test("a client that resets its error stream has given up")
    func errorStreamReset() async throws {
        let cancelled = Flag()
        let started = Flag()
        let backend = FakeBackend(onExec: { _, _ in
            await started.set()
            do { try await Task.sleep(for: .seconds(100)) } catch { await cancelled.set() }
            return 0
        })
        try await withServer(backend) { server in
            let url = try server.execURL(command("sleep", streams: .output))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                let error = try await client.open(.error)
                _ = try await client.open(.stdout)
                await started.wait()
                try await client.reset(error)
                await cancelled.wait()
            }
        }
    }

    @Test("streams that never come end the session with a reason")
    func missingStreams() async throws {
        var options = StreamingOptions()
        options.limits.streamCreationTimeout = .milliseconds(200)
        try await withServer(.cat, options) { server in
            let url = try server.execURL(command("cat"))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                let error = try await client.open(.error)
                #expect(try await client.receive { $0.ended.contains(error) })
                #expect(client.received.text(error).contains("did not open its streams"))
            }
        }
    }

    @Test("a second stream of one kind, and a stream of no kind, are refused")
    func refusedStreams() async throws {
        try await withServer(.cat) { server in
            let url = try server.execURL(command("cat"))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                _ = try await client.open(.error)
                let second = try await client.open(.error)
                let unknown = try await client.open([StreamHeaders.streamType: "other"])
                let nameless = try await client.open([:])
                #expect(try await client.receive { $0.reset.count == 3 })
                #expect(Set(client.received.reset.keys) == [second, unknown, nameless])
            }
        }
    }
}
