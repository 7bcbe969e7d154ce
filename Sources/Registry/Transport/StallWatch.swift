import NIOCore

/// Decides when a connection has stalled: bytes are wanted from it and none have come for the whole limit.
///
/// Time in which nobody reads does not count, so a reader that is slow to unpack never makes the peer look dead.
struct StallWatch: Sendable {
    enum Verdict: Equatable {
        case stalled
        case checkAgain(NIODeadline)
    }

    let limit: TimeAmount
    /// Since when bytes are wanted; nil while nobody reads.
    private var wantedSince: NIODeadline?

    /// A new connection has a read outstanding.
    init(limit: TimeAmount, now: NIODeadline) {
        self.limit = limit
        wantedSince = now
    }

    mutating func readRequested(now: NIODeadline) { wantedSince = wantedSince ?? now }

    mutating func bytesReceived() { wantedSince = nil }

    /// A request goes out: the answer's time begins.
    mutating func bytesSent(now: NIODeadline) { if wantedSince != nil { wantedSince = now } }

    func check(now: NIODeadline) -> Verdict {
        guard let wantedSince else { return .checkAgain(now + limit) }
        return now - wantedSince >= limit ? .stalled : .checkAgain(wantedSince + limit)
    }
}

/// A connection gave no byte for too long.
struct StalledConnection: Error {}

/// Puts a ``StallWatch`` on a connection, next to its socket. A pooled connection that idles so long is closed as well.
final class StallHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = IOData

    private var watch: StallWatch
    private var timer: Scheduled<Void>?

    init(limit: TimeAmount) { watch = StallWatch(limit: limit, now: .now()) }

    func handlerAdded(context: ChannelHandlerContext) { schedule(context, at: .now() + watch.limit) }
    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        watch.bytesReceived()
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        watch.readRequested(now: .now())
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        watch.bytesSent(now: .now())
        context.write(data, promise: promise)
    }

    private func schedule(_ context: ChannelHandlerContext, at deadline: NIODeadline) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            switch self.watch.check(now: .now()) {
            case .checkAgain(let next): self.schedule(context, at: next)
            case .stalled:
                context.fireErrorCaught(StalledConnection())
                context.close(promise: nil)
            }
        }
    }
}
