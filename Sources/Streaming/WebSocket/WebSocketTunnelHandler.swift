import NIOCore

/// Makes a WebSocket of binary messages look like a plain connection: what is written before a flush is one message.
/// KEP-4006: SPDY tunnelled through WebSocket.
final class WebSocketTunnelHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFragment
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var unflushed = CircularBuffer<(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)>()
    private var unflushedBytes = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let fragment = unwrapInboundIn(data)
        if fragment.bytes.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(fragment.bytes)) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        unflushedBytes += bytes.readableBytes
        unflushed.append((bytes, promise))
    }

    func flush(context: ChannelHandlerContext) {
        if unflushedBytes > 0 {
            var header = ByteBuffer()
            WebSocketFrameHeader.write(.binary, length: unflushedBytes, into: &header)
            context.write(wrapOutboundOut(header), promise: nil)
        }
        unflushedBytes = 0
        while let (bytes, promise) = unflushed.popFirst() { context.write(wrapOutboundOut(bytes), promise: promise) }
        context.flush()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        while let (_, promise) = unflushed.popFirst() { promise?.fail(ChannelError.ioOnClosedChannel) }
    }
}
