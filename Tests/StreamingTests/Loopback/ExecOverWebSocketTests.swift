import FoundationEssentials
import NIOCore
import StreamingClient
import Testing

@testable import Streaming

@Suite("Exec over WebSocket", .timeLimit(.minutes(2))) struct ExecOverWebSocketTests {
    private func url(_ server: StreamingServer, code: Int = 0, streams: RequestedStreams = .all) throws -> String {
        try server.execURL(RemoteCommand(containerID: "c", command: ["cat", "\(code)"], streams: streams))
    }

    @Test("version 5: stdin is closed by a signal, the exit code is told, the close is normal", arguments: [0, 200]) func version5(code: Int) async throws {
        try await withServer(.cat) { server in
            try await WebSocketClient.with(try url(server, code: code), "v5.channel.k8s.io") { client, head in
                #expect(head.contains("Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n"))
                try await client.send(ByteBuffer(string: "hello "), on: 0)
                try await client.send(ByteBuffer(string: "world"), on: 0)
                try await client.send(.binary, ByteBuffer(bytes: [255, 0]))
                try await client.receive()
                #expect(client.messages.first?.bytes == ByteBuffer(bytes: [1]))
                #expect(client.text(1) == "hello world")
                #expect(client.text(2) == "11")
                #expect(client.text(3).contains(code == 0 ? #""status":"Success""# : #""message":"200","reason":"ExitCode""#))
                #expect(client.closeCode == 1000)
            }
        }
    }

    @Test("version 1 to 3 tell a failure as text", arguments: ["", "channel.k8s.io", "v2.channel.k8s.io", "v3.channel.k8s.io"]) func older(name: String)
        async throws
    {
        try await withServer(.cat) { server in
            try await WebSocketClient.with(try url(server, code: 4, streams: .output), name) { client, _ in
                try await client.receive()
                #expect(client.text(3) == "command terminated with exit code 4")
            }
        }
    }

    @Test("base64 in text messages") func base64() async throws {
        let backend = FakeBackend(onExec: { _, streams in
            if let stdin = streams.stdin {
                for try await bytes in stdin {
                    try await streams.stdout?.write(bytes)
                    break
                }
            }
            return 0
        })
        try await withServer(backend) { server in
            try await WebSocketClient.with(try url(server), "v4.base64.channel.k8s.io") { client, _ in
                try await client.send(.text, ByteBuffer(string: "0aGVsbG8="))
                try await client.receive()
                let texts = client.messages.filter { $0.opcode == .text }.map { String(buffer: $0.bytes) }
                #expect(texts.contains("1aGVsbG8="))
                let status = try #require(texts.first { $0.hasPrefix("3") }.flatMap { Data(base64Encoded: String($0.dropFirst())) })
                #expect(String(decoding: status, as: UTF8.self).contains("Success"))
            }
        }
    }

    @Test("a terminal's size comes on channel 4") func resize() async throws {
        let backend = FakeBackend(onExec: { _, streams in
            for await size in streams.resizes { return Int32(size.columns) }
            return 0
        })
        try await withServer(backend) { server in
            try await WebSocketClient.with(try url(server, streams: .terminal), "v5.channel.k8s.io") { client, _ in
                try await client.send(ByteBuffer(string: #"{"Width":77,"Height":24}"#), on: 4)
                try await client.receive()
                #expect(client.text(3).contains(#""message":"77""#))
            }
        }
    }

    @Test("large binary data, in messages cut into frames") func binary() async throws {
        try await withServer(.cat) { server in
            try await WebSocketClient.with(try url(server), "v5.channel.k8s.io") { client, _ in
                let data = ByteBuffer.random(1 << 20)
                var rest = data
                while let piece = rest.readSlice(length: min(64 << 10, rest.readableBytes)), piece.readableBytes > 0 {
                    var first = ByteBuffer(bytes: [0])
                    first.writeBytes(piece.readableBytesView.prefix(1000))
                    try await client.send(.binary, first, fin: false)
                    try await client.send(.ping, ByteBuffer(string: "between"))
                    try await client.send(.continuation, ByteBuffer(bytes: piece.readableBytesView.dropFirst(1000)))
                }
                try await client.send(.binary, ByteBuffer(bytes: [255, 0]))
                try await client.receive()
                #expect(client.bytes(1) == data)
                #expect(client.messages.contains { $0.opcode == .pong && $0.bytes == ByteBuffer(string: "between") })
            }
        }
    }

    @Test("a client that closes is gone") func clientCloses() async throws {
        let (started, cancelled) = (Flag(), Flag())
        let backend = FakeBackend(onExec: { _, _ in
            await started.set()
            do { try await Task.sleep(for: .seconds(100)) } catch { await cancelled.set() }
            return 0
        })
        try await withServer(backend) { server in
            try await WebSocketClient.with(try url(server), "v5.channel.k8s.io") { client, _ in
                await started.wait()
                try await client.send(.connectionClose, ByteBuffer(bytes: [0x03, 0xe8]))
                try await client.receive()
                #expect(client.closeCode == 1000)
                await cancelled.wait()
            }
        }
    }

    @Test("frames that break the protocol end the connection with their code") func faults() async throws {
        let cases: [(UInt16, (WebSocketClient) async throws -> Void)] = [
            (1002, { try await $0.send(.binary, ByteBuffer(bytes: [0, 1]), masked: false) }),
            (1002, { try await $0.send(.continuation, ByteBuffer(bytes: [0, 1])) }),
            (1002, { try await $0.send(.binary, ByteBuffer(bytes: [255])) }),
            (1002, { try await $0.send(.ping, ByteBuffer(repeating: 0, count: 126)) }),
            (1009, { try await $0.connection.send(ByteBuffer(bytes: [0x82, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])) }),
        ]
        for (code, send) in cases {
            try await withServer(.cat) { server in
                try await WebSocketClient.with(try url(server), "v5.channel.k8s.io") { client, _ in
                    try await send(client)
                    try await client.receive()
                    #expect(client.closeCode == code)
                }
            }
        }
    }
}
