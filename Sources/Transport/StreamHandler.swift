import GRPCCore
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One call: HTTP/2 frames of a stream become parts of a request, and parts of a response become frames.
final class StreamHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = RPCRequestPart<MessageBytes>
    typealias OutboundIn = RPCResponsePart<MessageBytes>
    typealias OutboundOut = HTTP2Frame.FramePayload

    private enum Inbound { case head, messages, ended }
    private enum Outbound { case head, messages, ended }

    private let limits: TransportLimits
    private let known: [String: MethodDescriptor]
    /// Succeeds as soon as the method is known; fails where the stream is no call.
    private let method: EventLoopPromise<MethodDescriptor>
    private var decoder: MessageDecoder
    private var inbound = Inbound.head
    private var outbound = Outbound.head

    init(limits: TransportLimits, known: [String: MethodDescriptor], method: EventLoopPromise<MethodDescriptor>) {
        self.limits = limits
        self.known = known
        self.method = method
        decoder = MessageDecoder(limit: limits.requestMessage)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            if inbound == .head { readHead(frame, context) } else if frame.endStream { endInput(context) }
        case .data(let frame):
            guard inbound == .messages, case .byteBuffer(let bytes) = frame.data else { return }
            readMessages(bytes, context)
            if frame.endStream { endInput(context) }
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        method.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { method.fail(ChannelError.eof) }

    private func readHead(_ frame: HTTP2Frame.FramePayload.Headers, _ context: ChannelHandlerContext) {
        do throws(RequestHead.Refusal) {
            let head = try RequestHead(frame.headers, known: known)
            inbound = .messages
            method.succeed(head.method)
            context.fireChannelRead(wrapInboundOut(.metadata(head.metadata)))
            if frame.endStream { endInput(context) }
        } catch {
            inbound = .ended
            let headers = ResponseHeaders.refusal(error, limit: limits.statusMessage)
            end(with: headers, inputEnded: frame.endStream, context, nil)
            context.flush()
            method.fail(error)
        }
    }

    private func readMessages(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        decoder.append(bytes)
        do throws(RPCError) {
            while let message = try decoder.next() { context.fireChannelRead(wrapInboundOut(.message(MessageBytes(message)))) }
        } catch {
            fail(error, context)
        }
    }

    private func endInput(_ context: ChannelHandlerContext) {
        guard inbound == .messages else { return }
        guard !decoder.isWithinMessage else {
            return fail(RPCError(code: .internalError, message: "the request ends within a message"), context)
        }
        inbound = .ended
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    /// The request cannot be read: the error is the answer, whatever the call makes of it.
    private func fail(_ error: RPCError, _ context: ChannelHandlerContext) {
        guard inbound == .messages else { return }
        inbound = .ended
        if outbound != .ended {
            let status = Status(code: .init(error.code), message: error.message)
            let limit = limits.statusMessage
            let headers =
                outbound == .head
                ? ResponseHeaders.trailersOnly(status, [:], limit: limit) : ResponseHeaders.trailers(status, [:], limit: limit)
            end(with: headers, inputEnded: false, context, nil)
            context.flush()
        }
        context.fireErrorCaught(error)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch (unwrapOutboundIn(data), outbound) {
        case (.metadata(let metadata), .head):
            outbound = .messages
            context.write(wrapOutboundOut(.headers(.init(headers: ResponseHeaders.head(metadata)))), promise: promise)
        case (.message(let message), .messages):
            var frame = context.channel.allocator.buffer(capacity: 5 + message.count)
            frame.writeMultipleIntegers(UInt8(0), UInt32(message.count))
            frame.writeImmutableBuffer(message.buffer)
            context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(frame)))), promise: promise)
        case (.status(let status, let metadata), .head):
            let headers = ResponseHeaders.trailersOnly(status, metadata, limit: limits.statusMessage)
            end(with: headers, inputEnded: inbound == .ended, context, promise)
        case (.status(let status, let metadata), .messages):
            let headers = ResponseHeaders.trailers(status, metadata, limit: limits.statusMessage)
            end(with: headers, inputEnded: inbound == .ended, context, promise)
        default:
            promise?.fail(RPCError(code: .internalError, message: "the answer has ended, or its parts are out of order"))
        }
    }

    /// Sends the answer's last headers. A client that is still sending is told to stop: RFC 9113 section 8.1.
    private func end(
        with headers: HPACKHeaders, inputEnded: Bool, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
    ) {
        outbound = .ended
        guard !inputEnded else {
            return context.write(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: promise)
        }
        let sent = promise ?? context.eventLoop.makePromise()
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        sent.futureResult.whenComplete { _ in
            let context = loopBound.value
            context.writeAndFlush(NIOAny(HTTP2Frame.FramePayload.rstStream(.noError)), promise: nil)
        }
        context.write(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: sent)
    }
}
