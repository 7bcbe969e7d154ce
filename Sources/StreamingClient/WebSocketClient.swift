import NIOCore
import NIOSSL
import NIOWebSocket
import Streaming

/// A WebSocket client for channel protocols, and for tunnels.
package final class WebSocketClient {
    package let connection: ClientConnection
    private var frames = WebSocketFrames()
    /// All that came, by `receive`.
    private(set) package var messages: [(opcode: WebSocketOpcode, bytes: ByteBuffer)] = []
    private(set) package var closeCode: UInt16?

    init(_ connection: ClientConnection) {
        self.connection = connection
    }

    /// Connects to a URL for the time of `body`, which also gets the head of the server's answer.
    /// - Throws: `ClientConnection.Refused`.
    package static func with<R>(
        _ url: String, _ protocols: String, tls: NIOSSLContext? = nil, _ body: (WebSocketClient, String) async throws -> R
    ) async throws -> R {
        let url = try StreamingURL(url)
        return try await ClientConnection.with(host: url.host, port: url.port, tls: tls) { connection in
            let head = try await connection.upgradeToWebSocket(url.path, protocols: protocols)
            return try await body(WebSocketClient(connection), head)
        }
    }

    package func send(_ opcode: WebSocketOpcode, _ bytes: ByteBuffer, fin: Bool = true, masked: Bool = true) async throws {
        try await connection.send(
            masked ? WebSocketFrames.masked(opcode, bytes, fin: fin) : WebSocketFrames.unmasked(opcode, bytes, fin: fin))
    }

    package func send(_ bytes: ByteBuffer, on channel: UInt8) async throws {
        try await connection.send(Self.message(bytes, on: channel))
    }

    static func message(_ bytes: ByteBuffer, on channel: UInt8) -> ByteBuffer {
        var message = ByteBuffer(integer: channel)
        message.writeImmutableBuffer(bytes)
        return WebSocketFrames.masked(.binary, message)
    }

    /// The next frame; nil when the server has closed.
    package func next() async throws -> (opcode: WebSocketOpcode, bytes: ByteBuffer)? {
        guard closeCode == nil else { return nil }
        while true {
            if let (opcode, payload) = frames.next() {
                if opcode == .connectionClose { closeCode = payload.getInteger(at: payload.readerIndex) }
                return (opcode, payload)
            }
            guard let bytes = try await connection.receive() else { return nil }
            frames.append(bytes)
        }
    }

    /// Reads until the condition holds, the server closes, or the connection ends.
    package func receive(until condition: (WebSocketClient) -> Bool = { _ in false }) async throws {
        while !condition(self), let message = try await next() { messages.append(message) }
    }

    /// What came on a channel of a binary protocol.
    package func bytes(_ channel: UInt8) -> ByteBuffer {
        messages.filter { $0.opcode == .binary && $0.bytes.readableBytesView.first == channel }
            .reduce(into: ByteBuffer()) { $0.writeBytes($1.bytes.readableBytesView.dropFirst()) }
    }

    package func text(_ channel: UInt8) -> String { String(buffer: bytes(channel)) }
}
