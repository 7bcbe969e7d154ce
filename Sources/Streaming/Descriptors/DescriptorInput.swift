import Glibc
import NIOCore

/// Sends to a stream what can be read from a descriptor that NIO has taken over. Reads the next piece only when the
/// connection has taken the one before: at no time is more in memory than one read.
final class DescriptorInput: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Nil drops the bytes.
    private let stream: StreamEndpoint?
    private let descriptor: CInt
    private let done: EventLoopPromise<Void>
    private var context: ChannelHandlerContext?
    private var unsent = 0
    private var isReading = false
    private var hasEnded = false
    private var readSinceTick = 0
    private var quietTicks = 0
    private var drained: Int?

    /// - Parameter done: succeeds at the end of the bytes, once the stream has taken all.
    init(descriptor: CInt, stream: StreamEndpoint?, done: EventLoopPromise<Void>) {
        self.descriptor = descriptor
        self.stream = stream
        self.done = done
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        readSinceTick += bytes.readableBytes
        guard let stream else { return }
        unsent += 1
        stream.write(bytes) { [self] result in
            unsent -= 1
            if case .failure(let error) = result { return fail(error) }
            proceed()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        proceed()
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { end() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A terminal whose last process has closed it reports an I/O error; there is nothing wrong with it.
        guard (error as? IOError)?.errnoCode == EIO else { return fail(error) }
        end()
        context.close(promise: nil)
    }

    private func proceed() {
        guard unsent == 0 else { return }
        if hasEnded { done.succeed() } else { read() }
    }

    /// Called once to start, when the channel stands.
    func read() {
        guard !isReading, let context else { return }
        isReading = true
        context.read()
    }

    private func end() {
        hasEnded = true
        proceed()
    }

    private func fail(_ error: any Error) {
        done.fail(error)
        context?.close(promise: nil)
    }
}

/// The end of a pipe that somebody else holds open.
extension DescriptorInput {
    private static var tick: TimeAmount { .milliseconds(20) }

    /// More than a pipe can hold, /proc/sys/fs/pipe-max-size, was not in it when the process ended: somebody else writes.
    private static var pipeSize: Int { 1 << 20 }

    /// Ends when nothing is left in the pipe of what the process wrote.
    func drain() {
        guard let context, !hasEnded else { return }
        drained = drained.map { $0 + readSinceTick } ?? 0
        let isQuiet = readSinceTick == 0 && unsent == 0 && availableBytes == 0
        readSinceTick = 0
        quietTicks = isQuiet ? quietTicks + 1 : 0
        guard quietTicks < 3, drained ?? 0 <= Self.pipeSize else { return context.close(promise: nil) }
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.tick) { this.value.drain() }
    }

    private var availableBytes: CInt {
        var count: CInt = 0
        return ioctl(descriptor, UInt(FIONREAD), &count) == 0 ? count : 0
    }
}
