import NIOCore
import NIOWebSocket

/// Answers pings and closes, checks the order of frames, and passes the parts of messages on.
/// The pipeline's handlers above it write whole frames as bytes.
final class WebSocketHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = WebSocketFragment
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Sent down the pipeline: say goodbye; whoever sends it closes the channel if the client does not.
    struct Goodbye: Sendable {
        let fault: WebSocketFault
    }

    private var receiver = WebSocketReceiver()
    private var saidGoodbye = false
    /// A ping that is still to be answered. Of many the last is enough: RFC 6455 section 5.5.3.
    private var unanswered: ByteBuffer?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            switch try receiver.receive(unwrapInboundIn(data)) {
            case .fragment(let fragment): context.fireChannelRead(wrapInboundOut(fragment))
            case .ping(let bytes):
                unanswered = bytes
                answer(context)
            case .closed: close(context, .normal)
            case .nothing: break
            }
        } catch {
            close(context, error)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        answer(context)
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength: close(context, .tooLong)
        case is NIOWebSocketError: close(context, .protocolError)
        default: context.close(promise: nil)
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let goodbye = event as? Goodbye else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        sayGoodbye(context, goodbye.fault)
        promise?.succeed()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        sayGoodbye(context, .goingAway)
        context.close(mode: mode, promise: promise)
    }

    private func answer(_ context: ChannelHandlerContext) {
        guard !saidGoodbye, context.channel.isWritable, let bytes = unanswered.take() else { return }
        write(.pong, bytes, context)
    }

    private func close(_ context: ChannelHandlerContext, _ fault: WebSocketFault) {
        sayGoodbye(context, fault)
        context.close(promise: nil)
    }

    private func sayGoodbye(_ context: ChannelHandlerContext, _ fault: WebSocketFault) {
        guard !saidGoodbye else { return }
        saidGoodbye = true
        write(.connectionClose, ByteBuffer(integer: fault.rawValue), context)
    }

    private func write(_ opcode: WebSocketOpcode, _ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        var frame = ByteBuffer()
        WebSocketFrameHeader.write(opcode, length: bytes.readableBytes, into: &frame)
        frame.writeImmutableBuffer(bytes)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }
}
