import NIOCore
import NIOPosix
import NIOSSL
import Streaming

/// A client's end of a connection, with backpressure: what is not read stays in the socket.
package final class ClientConnection {
    package struct Closed: Error {
        package init() {}
    }

    /// The server answered with something else than 101.
    package struct Refused: Error {
        package let head: String
    }

    /// Sends, also while the connection's owner receives.
    package struct Sender: Sendable {
        fileprivate let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        fileprivate var isTunnel = false

        /// Suspends while the server does not read.
        package func send(_ bytes: ByteBuffer) async throws {
            try await outbound.write(isTunnel ? WebSocketFrames.masked(.binary, bytes) : bytes)
        }
    }

    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private(set) package var sender: Sender
    private var frames = WebSocketFrames()
    private var unread = ByteBuffer()

    private init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) {
        self.inbound = inbound.makeAsyncIterator()
        sender = Sender(outbound: outbound)
    }

    /// Connects for the time of `body`.
    /// - Parameters:
    ///   - tls: nil for none.
    ///   - receiveBuffer: bytes that the kernel may hold for this side; nil for its default.
    package static func with<R>(
        host: String = "127.0.0.1", port: Int, tls: NIOSSLContext? = nil, receiveBuffer: Int? = nil,
        _ body: (ClientConnection) async throws -> R
    ) async throws -> R {
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        if let receiveBuffer { bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer)) }
        let channel = try await bootstrap.connect(host: host, port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil)) }
                return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(ClientConnection(inbound, outbound))
        }
    }

    package func send(_ bytes: ByteBuffer) async throws { try await sender.send(bytes) }

    /// The next bytes; nil at the end of the connection.
    package func receive() async throws -> ByteBuffer? {
        guard sender.isTunnel else { return try await receiveRaw() }
        while true {
            while let (opcode, payload) = frames.next() {
                if opcode == .connectionClose { return nil }
                if opcode == .binary, payload.readableBytes > 0 { return payload }
            }
            guard let bytes = try await receiveRaw() else { return nil }
            frames.append(bytes)
        }
    }

    private func receiveRaw() async throws -> ByteBuffer? {
        if unread.readableBytes > 0 {
            defer { unread = ByteBuffer() }
            return unread
        }
        do {
            return try await inbound.next()
        } catch is IOError {
            return nil
        } catch NIOSSLError.uncleanShutdown {
            return nil
        }
    }

    /// Sends a request and returns the head of the answer.
    package func request(_ method: String, _ path: String, _ headers: [String]) async throws -> String {
        let lines = ["\(method) \(path) HTTP/1.1", "Host: test"] + headers
        try await send(ByteBuffer(string: lines.joined(separator: "\r\n") + "\r\n\r\n"))
        var answer = ByteBuffer()
        while let bytes = try await receiveRaw() {
            answer.writeImmutableBuffer(bytes)
            let text = String(buffer: answer)
            guard let end = text.firstRange(of: "\r\n\r\n") else { continue }
            let head = String(text[..<end.upperBound])
            answer.moveReaderIndex(forwardBy: head.utf8.count)
            unread = answer
            return head
        }
        throw Closed()
    }

    /// Asks for WebSocket.
    /// - Returns: the head of the answer.
    /// - Throws: `Refused`.
    package func upgradeToWebSocket(_ path: String, protocols: String) async throws -> String {
        var headers = [
            "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        if !protocols.isEmpty { headers.append("Sec-WebSocket-Protocol: \(protocols)") }
        let head = try await request("GET", path, headers)
        guard head.hasPrefix("HTTP/1.1 101 ") else { throw Refused(head: head) }
        return head
    }

    /// From now on, bytes travel in a WebSocket's messages.
    func becomeTunnel() { sender.isTunnel = true }
}
