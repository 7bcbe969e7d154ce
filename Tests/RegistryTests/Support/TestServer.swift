import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// What a client sent.
struct TestRequest: Sendable {
    let method: HTTPMethod
    let uri: String
    let headers: HTTPHeaders
    let body: String

    /// The path without the query.
    var path: Substring { uri.prefix { $0 != "?" } }
    var authorization: String? { headers.first(name: "Authorization") }
    /// First byte of a `Range: bytes=N-` header.
    var rangeStart: Int? { headers.first(name: "Range").flatMap { Int($0.dropFirst("bytes=".count).dropLast()) } }
}

/// What the server does with a request.
struct TestReply: Sendable {
    enum Ending { case complete, close, stall }

    var status = HTTPResponseStatus.ok
    var headers: HTTPHeaders = [:]
    var body: [UInt8] = []
    /// What the head promises; the body's own length unless set.
    var contentLength: Int?
    /// Without a Content-Length, in chunks.
    var chunked = false
    var ending = Ending.complete

    static func status(_ status: HTTPResponseStatus, _ headers: HTTPHeaders = [:], _ body: String = "") -> TestReply {
        TestReply(status: status, headers: headers, body: Array(body.utf8))
    }
}

/// An HTTP server on a free port of the loopback, whose every answer the test decides.
final class TestServer: Sendable {
    private let channel: any Channel
    private let recorded: NIOLockedValueBox<[TestRequest]>
    private let sent: Counter

    /// Also after it was stopped.
    let port: Int
    var host: String { "127.0.0.1:\(port)" }
    var requests: [TestRequest] { recorded.withLockedValue { $0 } }
    /// Answers whose last byte the kernel has taken.
    var sentWhole: Int { sent.value }

    init(tls: TLSConfiguration? = nil, reply: @escaping @Sendable (TestRequest) -> TestReply) async throws {
        let recorded = NIOLockedValueBox<[TestRequest]>([])
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let sent = Counter()
        (self.recorded, self.sent) = (recorded, sent)
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        TestHandler(sent: sent) { request in
                            recorded.withLockedValue { $0.append(request) }
                            return reply(request)
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func stop() async { try? await channel.close() }
}

private final class TestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let sent: Counter
    private let reply: (TestRequest) -> TestReply
    private var head: HTTPRequestHead?
    private var body = ""

    init(sent: Counter, reply: @escaping (TestRequest) -> TestReply) { (self.sent, self.reply) = (sent, reply) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, "")
        case .body(let buffer): body += String(buffer: buffer)
        case .end:
            guard let head else { return }
            answer(reply(TestRequest(method: head.method, uri: head.uri, headers: head.headers, body: body)), context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ reply: TestReply, _ context: ChannelHandlerContext) {
        var headers = reply.headers
        if reply.chunked {
            headers.add(name: "Transfer-Encoding", value: "chunked")
        } else {
            headers.add(name: "Content-Length", value: "\(reply.contentLength ?? reply.body.count)")
        }
        context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: reply.status, headers: headers))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body)))), promise: nil)
        switch reply.ending {
        case .complete:
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.whenSuccess { [sent] in sent.add() }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
        case .close: context.close(promise: nil)
        case .stall: break
        }
    }
}
