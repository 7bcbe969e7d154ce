import NIOCore

/// Writes what arrives on a stream to a descriptor that NIO has taken over. Takes from the stream only as much as the
/// descriptor takes.
final class DescriptorOutput: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let stream: StreamEndpoint
    private let closing: CloseMode
    private let done: EventLoopPromise<Void>
    private var context: ChannelHandlerContext?
    private var isWaiting = false
    private var hasEnded = false

    /// - Parameters:
    ///   - closing: what is closed at the stream's end: all of a pipe, a socket's output.
    ///   - done: succeeds when everything is written, and also when the descriptor takes no more.
    init(stream: StreamEndpoint, closing: CloseMode, done: EventLoopPromise<Void>) {
        self.stream = stream
        self.closing = closing
        self.done = done
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        pump()
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !hasEnded {
            hasEnded = true
            stream.cancelRead()
            stream.discardInput()
        }
        done.succeed()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Called once to start, when the channel stands: NIO cannot take a failing write before.
    func pump() {
        guard let context, !isWaiting, !hasEnded else { return }
        var wrote = false
        while context.channel.isWritable, let bytes = stream.take() {
            context.write(wrapOutboundOut(bytes), promise: nil)
            wrote = true
        }
        if wrote { context.flush() }
        guard context.channel.isWritable else { return }
        isWaiting = true
        stream.read { [self] result in
            isWaiting = false
            arrived(result)
        }
    }

    private func arrived(_ result: Result<ByteBuffer?, any Error>) {
        guard let context, !hasEnded else { return }
        switch result {
        case .success(let bytes?):
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
            pump()
        case .success(nil):
            hasEnded = true
            end(context)
        case .failure(let error):
            hasEnded = true
            done.fail(error)
            context.close(promise: nil)
        }
    }

    /// Closes behind the last byte.
    private func end(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { [self] _ in
            bound.value.close(mode: closing, promise: nil)
            done.succeed()
        }
    }
}
