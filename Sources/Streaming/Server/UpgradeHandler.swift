import NIOCore
import NIOHTTP1

/// Reads one HTTP request and either makes the connection what was agreed on or refuses and closes.
final class UpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let negotiation: UpgradeNegotiation
    private let timeout: TimeAmount
    /// Adds the handlers of what was agreed on at the pipeline's end.
    private let upgrade: (any Channel, Agreement) throws -> Void
    private var head: HTTPRequestHead?
    private var deadline: Deadline?

    init(_ negotiation: UpgradeNegotiation, timeout: TimeAmount, upgrade: @escaping (any Channel, Agreement) throws -> Void) {
        self.negotiation = negotiation
        self.timeout = timeout
        self.upgrade = upgrade
    }

    /// Adds HTTP and this handler to a new connection.
    static func install(in channel: any Channel, _ handler: UpgradeHandler, _ limits: StreamingLimits) throws {
        var headLimits = NIOHTTPDecoderLimitConfiguration()
        headLimits.maxHeaderFieldSize = limits.requestHeader
        headLimits.maxHeaderListSize = limits.requestHead
        headLimits.maxHeaderFieldCount = limits.requestHeaders
        let decoder = HTTPRequestDecoder(
            leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .drop, limitConfiguration: headLimits)
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(HTTPResponseEncoder(), name: encoderName)
        try operations.addHandler(ByteToMessageHandler(decoder, maximumBufferSize: 2 * limits.requestHead), name: decoderName)
        try operations.addHandler(handler)
    }

    private static let encoderName = "HTTP encoder"
    private static let decoderName = "HTTP decoder"

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = Deadline(context.eventLoop)
        deadline?.set(timeout) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head = head.take() else { return }
            do {
                try accept(negotiation.negotiate(head), context)
            } catch let refusal as Refusal {
                refuse(refusal, context)
            } catch {
                context.close(promise: nil)
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.close(promise: nil) }
        refuse(Refusal(status: .badRequest, text: "the request is not HTTP/1.1"), context)
    }

    private func accept(_ agreement: Agreement, _ context: ChannelHandlerContext) throws {
        let answer = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: agreement.headers)
        context.writeAndFlush(wrapOutboundOut(.head(answer)), promise: nil)
        let channel = context.channel
        let operations = channel.pipeline.syncOperations
        // The decoder goes last and then passes on what came behind the request.
        let decoder = try operations.context(name: Self.decoderName)
        let encoder = try operations.context(name: Self.encoderName)
        operations.removeHandler(context: encoder, promise: nil)
        operations.removeHandler(context: context, promise: nil)
        try upgrade(channel, agreement)
        operations.removeHandler(context: decoder, promise: nil)
    }

    private func refuse(_ refusal: Refusal, _ context: ChannelHandlerContext) {
        var headers = refusal.headers
        headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        headers.add(name: "Content-Length", value: "\(refusal.text.utf8.count)")
        headers.add(name: "Connection", value: "close")
        context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: refusal.status, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: refusal.text)))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
