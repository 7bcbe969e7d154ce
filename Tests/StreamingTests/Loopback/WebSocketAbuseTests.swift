import NIOCore
import NIOWebSocket
import StreamingClient
import Testing

@testable import Streaming

@Suite("WebSocket clients that mean ill", .timeLimit(.minutes(2))) struct WebSocketAbuseTests {
    private func withClient(_ name: String, _ body: (WebSocketClient) async throws -> Void) async throws {
        try await withServer(.cat) { server in
            let url = try server.execURL(RemoteCommand(containerID: "c", command: ["cat", "0"], streams: .all))
            try await WebSocketClient.with(url, name) { client, _ in try await body(client) }
        }
    }

    /// Frames by their bytes, and the code that the connection is closed with.
    private static let faults: [(String, [UInt8], UInt16)] = [
        ("a reserved bit", [0xc2, 0x82, 0, 0, 0, 0, 0, 1], 1002),
        ("a reserved opcode", [0x83, 0x80, 0, 0, 0, 0], 1002),
        ("a reserved control opcode", [0x8b, 0x80, 0, 0, 0, 0], 1002),
        ("a ping in fragments", [0x09, 0x80, 0, 0, 0, 0], 1002),
        ("a close in fragments", [0x08, 0x80, 0, 0, 0, 0], 1002),
        ("no mask", [0x82, 2, 0, 1], 1002),
        ("a message within a message", [0x02, 0x81, 0, 0, 0, 0, 0, 0x82, 0x81, 0, 0, 0, 0, 0], 1002),
        ("a frame over a megabyte", [0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0], 1009),
        ("the largest length there is", [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], 1009),
        ("a length with its sign", [0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], 1009),
        ("a close signal for no channel", [0x82, 0x81, 0, 0, 0, 0, 255], 1002),
        ("a close signal for two channels", [0x82, 0x83, 0, 0, 0, 0, 255, 0, 1], 1002),
    ]

    @Test("what breaks the protocol ends the connection with its code", arguments: faults.indices) func fault(number: Int) async throws {
        let (what, bytes, code) = Self.faults[number]
        try await withClient("v5.channel.k8s.io") { client in
            try await client.connection.send(ByteBuffer(bytes: bytes))
            try await client.receive()
            #expect(client.closeCode == code, "\(what)")
        }
    }

    @Test("a close that is malformed is a close", arguments: [[], [3], [0, 0], [0xff, 0xff, 0xff], [3, 0xe8, 0xc3, 0x28]] as [[UInt8]])
    func badClose(payload: [UInt8]) async throws {
        try await withClient("v5.channel.k8s.io") { client in
            try await client.send(.connectionClose, ByteBuffer(bytes: payload))
            try await client.receive()
            #expect(client.closeCode == 1000)
        }
    }

    @Test("channels that there are not, and those that only the server writes to, swallow what they get") func badChannels() async throws {
        try await withClient("v5.channel.k8s.io") { client in
            for channel: UInt8 in [1, 2, 3, 4, 5, 9, 254] {
                try await client.send(ByteBuffer(repeating: 1, count: 100_000), on: channel)
                try await client.send(.binary, ByteBuffer(bytes: [255, channel]))
            }
            try await client.send(ByteBuffer(string: "still here"), on: 0)
            try await client.send(.binary, ByteBuffer(bytes: [255, 0]))
            try await client.receive()
            #expect(client.text(1) == "still here")
            #expect(client.text(3).contains("Success"))
        }
    }

    @Test("empty frames and pings without end are taken") func emptyFrames() async throws {
        try await withClient("v5.channel.k8s.io") { client in
            var frames = ByteBuffer()
            frames.writeImmutableBuffer(WebSocketFrames.masked(.binary, ByteBuffer(), fin: false))
            for _ in 0..<10_000 {
                frames.writeImmutableBuffer(WebSocketFrames.masked(.continuation, ByteBuffer(), fin: false))
                frames.writeImmutableBuffer(WebSocketFrames.masked(.ping, ByteBuffer()))
                frames.writeImmutableBuffer(WebSocketFrames.masked(.pong, ByteBuffer(string: "nobody asked")))
            }
            frames.writeImmutableBuffer(WebSocketFrames.masked(.continuation, ByteBuffer(bytes: [0, 65])))
            frames.writeImmutableBuffer(WebSocketFrames.masked(.binary, ByteBuffer(bytes: [255, 0])))
            let (sender, all) = (client.connection.sender, frames)
            async let sent: Void = sender.send(all)
            try await client.receive()
            try await sent
            #expect(client.text(1) == "A")
        }
    }

    @Test("what is no base64 ends the connection", arguments: ["0!!!", "0aGVsbG8", "0a", "/aGVsbG8=", "\u{1}aGVsbG8=", "0aGVs bG8="])
    func badBase64(text: String) async throws {
        try await withClient("v4.base64.channel.k8s.io") { client in
            try await client.send(.text, ByteBuffer(string: text))
            try await client.receive()
            #expect(client.closeCode == 1007)
        }
    }
}
