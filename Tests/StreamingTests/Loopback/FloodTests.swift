import Logging
import NIOCore
import NIOEmbedded
import NIOWebSocket
import StreamingClient
import Testing

@testable import Streaming

/// Clients that send more than is taken. The bounds are looked at in a channel without a socket, whose buffers hide nothing;
/// that the flow goes on afterwards, over real ones.
@Suite("Floods", .timeLimit(.minutes(2))) struct FloodTests {
    private let session = KeepingSession()
    private let channel = EmbeddedChannel()

    /// Whether the daemon reads from the client.
    private var isReading: Bool {
        for case (_ as ChannelOptions.Types.AutoReadOption, let value) in channel.options { return value as? Bool ?? true }
        return true
    }

    private func speakSPDY() throws {
        let handler = SPDYHandler(session: session, limits: SPDYLimits(), lingering: .seconds(5), logger: quiet)
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    private var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    /// - Returns: the bytes that were sent until the daemon stopped reading.
    private func sendUntilUnread(_ piece: ByteBuffer, limit: Int) throws -> Int {
        var sent = 0
        while isReading, sent < limit {
            try channel.writeInbound(piece)
            sent += piece.readableBytes
        }
        return sent
    }

    @Test("SPDY: answers to pings that nobody reads stop the reading; it goes on when they are read") func pings() throws {
        try speakSPDY()
        var pings = ByteBuffer()
        for _ in 0..<100 { SPDYFrameEncoder.writePing(1, into: &pings) }
        channel.isWritable = false
        let answers = StreamLimits().unreadAnswers
        #expect(try sendUntilUnread(pings, limit: 10 << 20) <= answers + pings.readableBytes)
        #expect(!isReading)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(isReading)
    }

    @Test("SPDY: pings whose answers are read stop nothing") func answeredPings() throws {
        try speakSPDY()
        var pings = ByteBuffer()
        for _ in 0..<100 { SPDYFrameEncoder.writePing(1, into: &pings) }
        _ = try sendUntilUnread(pings, limit: 1 << 20)
        #expect(isReading)
    }

    @Test("SPDY: input that nobody reads stays with the client") func input() throws {
        try speakSPDY()
        var bytes = SPDYBytes()
        bytes.open(1)
        try channel.writeInbound(bytes.take())
        let piece = SPDYClient.frame(ByteBuffer(repeating: 0, count: 50_000), on: 1)
        #expect(try sendUntilUnread(piece, limit: 10 << 20) <= StreamLimits().buffered + 2 * piece.readableBytes)
        #expect(!isReading)
        let stream = try #require(session.streams[1])
        while stream.take() != nil {}
        #expect(isReading)
    }

    @Test("SPDY: a little input on each of many streams is bounded, too") func inputOnManyStreams() throws {
        try speakSPDY()
        var bytes = SPDYBytes()
        for number: UInt32 in 0..<1000 { bytes.open(2 * number + 1) }
        try channel.writeInbound(bytes.take())
        var sent = 0
        for number: UInt32 in 0..<1000 where isReading {
            try channel.writeInbound(SPDYClient.frame(ByteBuffer(repeating: 0, count: 10_000), on: 2 * number + 1))
            sent += 10_000
        }
        #expect(!isReading)
        #expect(sent <= StreamLimits().bufferedInAll + 10_000)
        // A stream that is given up takes its bytes with it.
        for stream in session.streams.values { stream.reset() }
        #expect(isReading)
    }

    @Test("WebSocket: input that nobody reads stays with the client") func webSocketInput() throws {
        let plan = ChannelPlan(stdin: true, stdout: true, stderr: false, terminal: false)
        let name = try #require(ChannelProtocol(name: "v5.channel.k8s.io"))
        try channel.pipeline.syncOperations.addHandler(
            WebSocketChannelsHandler(name, plan: plan, session: session, lingering: .seconds(5)))
        var sent = 0
        while isReading, sent < 10 << 20 {
            var bytes = ByteBuffer(integer: UInt8(0))
            bytes.writeRepeatingByte(0, count: 50_000)
            try channel.writeInbound(WebSocketFragment(bytes: bytes, isFirst: true, isLast: true))
            sent += 50_000
        }
        #expect(!isReading)
        #expect(sent <= StreamLimits().buffered + 100_000)
    }

    @Test("every ping is answered, however many come before the first answer is read") func allPings() async throws {
        try await withServer(.cat) { server in
            let url = try server.execURL(RemoteCommand(containerID: "c", command: ["cat"], streams: .all))
            try await SPDYClient.with(url, "v4.channel.k8s.io", receiveBuffer: 16 << 10) { client in
                let count: UInt32 = 300_000
                let sender = client.connection.sender
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for start in stride(from: 0, to: count, by: 1000) {
                            var pings = ByteBuffer()
                            for number in start..<start + 1000 { SPDYFrameEncoder.writePing(2 * number + 1, into: &pings) }
                            try await sender.send(pings)
                        }
                    }
                    #expect(try await client.receive { $0.pings.count == count })
                    try await group.waitForAll()
                }
                #expect(client.received.pings == (0..<count).map { 2 * $0 + 1 })
            }
        }
    }

    @Test("input that was not read for long arrives whole") func lateInput() async throws {
        let (size, start) = (16 << 20, Flag())
        let backend = FakeBackend(onExec: { _, streams in
            await start.wait()
            var count = 0
            if let stdin = streams.stdin { for try await bytes in stdin { count += bytes.readableBytes } }
            return count == size ? 0 : 1
        })
        try await withServer(backend) { server in
            let url = try server.execURL(RemoteCommand(containerID: "c", command: ["cat"], streams: .all))
            try await RemoteCommandClient.with(url, .spdy, [.stdin, .stdout, .stderr]) { client in
                let input = client.input
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for number in 0..<size / 65536 {
                            // The first megabyte fills what the connection may hold.
                            if number == 16 { await start.set() }
                            try await input.send(ByteBuffer(repeating: 7, count: 65536))
                        }
                        try await input.finish()
                    }
                    #expect(try await client.output().exitCode == 0)
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("thousands of streams: those above the limit are refused, and there is room again when some are gone") func thousands() async throws {
        var options = StreamingOptions()
        options.limits.spdyStreams = 1000
        try await withServer(.localhost, options) { server in
            let url = try server.portForwardURL(PortForwarding(podSandboxID: "p", ports: []))
            try await SPDYClient.with(url, "portforward.k8s.io") { client in
                var streams: [UInt32] = []
                for number in 0..<5000 {
                    streams.append(
                        try await client.open([
                            StreamHeaders.streamType: "data", StreamHeaders.port: "80", StreamHeaders.requestID: "\(number)",
                        ]))
                }
                #expect(try await client.receive { $0.replied.count == 1000 && $0.reset.count == 4000 })
                #expect(client.received.reset.values.allSatisfy { $0 == SPDYResetStatus.refusedStream.rawValue })
                try await client.reset(streams[0])
                let another = try await client.open([
                    StreamHeaders.streamType: "data", StreamHeaders.port: "80", StreamHeaders.requestID: "another",
                ])
                #expect(try await client.receive { $0.replied.contains(another) })
            }
        }
    }
}
