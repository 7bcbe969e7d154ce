import Logging
import NIOCore
import NIOPosix

@testable import Streaming

/// The client's end of a connection, with backpressure: what is not read stays in the socket.
final class TestConnection {
    struct Closed: Error {}

    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    fileprivate let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var unread = ByteBuffer()

    private init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) {
        self.inbound = inbound.makeAsyncIterator()
        self.outbound = outbound
    }

    static func with<R>(port: Int, _ body: (TestConnection) async throws -> R) async throws -> R {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(TestConnection(inbound, outbound))
        }
    }

    func send(_ bytes: ByteBuffer) async throws { try await outbound.write(bytes) }

    /// The next bytes; nil at the end of the connection.
    func receive() async throws -> ByteBuffer? {
        if unread.readableBytes > 0 {
            defer { unread = ByteBuffer() }
            return unread
        }
        do {
            return try await inbound.next()
        } catch is IOError {
            return nil
        }
    }

    /// Sends a request and returns the head of the answer.
    func request(_ method: String, _ url: String, _ headers: [String]) async throws -> String {
        let path = url.split(separator: "/", maxSplits: 2).last ?? ""
        let lines = ["\(method) /\(path) HTTP/1.1", "Host: test"] + headers
        try await send(ByteBuffer(string: lines.joined(separator: "\r\n") + "\r\n\r\n"))
        var answer = ByteBuffer()
        while let bytes = try await receive() {
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
}

/// Sends while the connection's owner receives.
struct ConnectionSender: Sendable {
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    init(_ connection: TestConnection) {
        outbound = connection.outbound
    }

    func send(_ bytes: ByteBuffer) async throws { try await outbound.write(bytes) }
}

/// Runs a server for the time of a test.
func withServer<R>(
    _ backend: FakeBackend, _ options: StreamingOptions = StreamingOptions(), _ body: (StreamingServer) async throws -> R
) async throws -> R {
    let server = StreamingServer(options: options, backend: backend, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await server.start()
    do {
        let result = try await body(server)
        await server.shutdown()
        return result
    } catch {
        await server.shutdown()
        throw error
    }
}

extension StreamingServer {
    var testPort: Int { port ?? 0 }
}

extension ByteBuffer {
    static func random(_ count: Int) -> ByteBuffer {
        var generator = SystemRandomNumberGenerator()
        var buffer = ByteBuffer()
        for _ in 0..<(count + 7) / 8 { buffer.writeInteger(generator.next()) }
        return buffer.getSlice(at: 0, length: count) ?? buffer
    }
}
