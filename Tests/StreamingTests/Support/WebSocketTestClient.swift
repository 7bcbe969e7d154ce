import NIOCore
import NIOWebSocket

@testable import Streaming

/// A WebSocket client for channel protocols, and for tunnels.
final class WebSocketTestClient {
    let connection: TestConnection
    private var parser = ServerFrames()
    private(set) var messages: [(opcode: UInt8, bytes: ByteBuffer)] = []
    private(set) var closeCode: UInt16?

    init(_ connection: TestConnection) {
        self.connection = connection
    }

    static func with<R>(
        _ server: StreamingServer, _ url: String, _ protocols: String, _ body: (WebSocketTestClient, String) async throws -> R
    ) async throws -> R {
        try await TestConnection.with(port: server.testPort) { connection in
            var headers = [
                "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ]
            if !protocols.isEmpty { headers.append("Sec-WebSocket-Protocol: \(protocols)") }
            let head = try await connection.request("GET", url, headers)
            guard head.hasPrefix("HTTP/1.1 101 ") else { throw SPDYTestClient.Refused(head: head) }
            return try await body(WebSocketTestClient(connection), head)
        }
    }

    func send(_ opcode: WebSocketOpcode, _ bytes: ByteBuffer, fin: Bool = true, masked: Bool = true) async throws {
        var frame = ByteBuffer()
        WebSocketFrameHeader.write(opcode, length: bytes.readableBytes, into: &frame)
        if !fin { frame.setInteger(UInt8(webSocketOpcode: opcode), at: 0) }
        guard masked else {
            frame.writeImmutableBuffer(bytes)
            return try await connection.send(frame)
        }
        let second: UInt8 = frame.getInteger(at: 1) ?? 0
        frame.setInteger(second | 0x80, at: 1)
        let key: WebSocketMaskingKey = [0x12, 0x34, 0x56, 0x78]
        frame.writeBytes(key)
        var payload = bytes
        payload.webSocketMask(key)
        frame.writeImmutableBuffer(payload)
        try await connection.send(frame)
    }

    func send(_ bytes: ByteBuffer, on channel: UInt8) async throws {
        var message = ByteBuffer(integer: channel)
        message.writeImmutableBuffer(bytes)
        try await send(.binary, message)
    }

    /// Reads until the condition holds, the server closes, or the connection ends.
    func receive(until condition: (WebSocketTestClient) -> Bool = { _ in false }) async throws {
        while closeCode == nil, !condition(self) {
            guard let bytes = try await connection.receive() else { return }
            parser.unread.writeImmutableBuffer(bytes)
            while let (opcode, payload) = parser.next() {
                if opcode == 8 { closeCode = payload.getInteger(at: payload.readerIndex) }
                messages.append((opcode, payload))
            }
        }
    }

    /// What came on a channel of a binary protocol.
    func bytes(_ channel: UInt8) -> ByteBuffer {
        messages.filter { $0.opcode == 2 && $0.bytes.readableBytesView.first == channel }
            .reduce(into: ByteBuffer()) { $0.writeBytes($1.bytes.readableBytesView.dropFirst()) }
    }

    func text(_ channel: UInt8) -> String { String(buffer: bytes(channel)) }
}

/// Frames as servers send them.
private struct ServerFrames {
    var unread = ByteBuffer()

    mutating func next() -> (opcode: UInt8, ByteBuffer)? {
        var bytes = unread
        guard let first = bytes.readInteger(as: UInt8.self), let second = bytes.readInteger(as: UInt8.self) else { return nil }
        var length = Int(second)
        if second == 126 {
            guard let word = bytes.readInteger(as: UInt16.self) else { return nil }
            length = Int(word)
        } else if second == 127 {
            guard let word = bytes.readInteger(as: UInt64.self) else { return nil }
            length = Int(word)
        }
        guard let payload = bytes.readSlice(length: length) else { return nil }
        unread = bytes
        unread.discardReadBytes()
        return (first & 0x0f, payload)
    }
}
