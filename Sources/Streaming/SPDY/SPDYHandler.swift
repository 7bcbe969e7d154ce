import Logging
import NIOCore

/// Carries a session's streams over SPDY: does what `SPDYConnection` says.
final class SPDYHandler: ChannelInboundHandler, StreamCarrier {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var connection: SPDYConnection
    private var multiplexer: StreamMultiplexer?
    private let session: any StreamSession
    private let lingering: TimeAmount
    private let logger: Logger
    private var context: ChannelHandlerContext?
    /// Nothing that still arrives matters.
    private var isClosing = false

    /// - Parameter lingering: how long the client has to close the connection after everything was said.
    init(session: any StreamSession, limits: SPDYLimits, lingering: TimeAmount, logger: Logger) {
        connection = SPDYConnection(limits: limits)
        self.session = session
        self.lingering = lingering
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        multiplexer = StreamMultiplexer(eventLoop: context.eventLoop, carrier: self)
        session.connected(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        connection.receive(unwrapInboundIn(data))
        do {
            while !isClosing, let event = try connection.next() { handle(event) }
        } catch {
            logger.debug("a streaming client broke the protocol", metadata: ["error": "\(error)"])
            abandon()
        }
        multiplexer?.answered(writeOutput())
        context.flush()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { multiplexer?.becameWritable() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { abandon() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        lose()
        context.fireChannelInactive()
    }

    private func handle(_ event: SPDYConnection.Event) {
        switch event {
        case .opened(let id, let headers): open(id, headers)
        case .data(let id, let bytes): multiplexer?[id]?.received(bytes)
        case .ended(let id): multiplexer?[id]?.receivedEnd()
        case .windowsChanged: multiplexer?.serve()
        case .goneAway: if connection.streamCount == 0 { context?.close(promise: nil) }
        case .reset(let id):
            guard let endpoint = multiplexer?[id] else { return }
            multiplexer?.remove(endpoint)
            endpoint.fail(StreamingError.streamReset)
            session.reset(endpoint)
        }
    }

    private func open(_ id: UInt32, _ headers: StreamHeaders) {
        guard let endpoint = multiplexer?.add(id) else { return }
        connection.accept(id)
        guard !session.opened(endpoint, headers: headers) else { return }
        multiplexer?.remove(endpoint)
        connection.reset(id, .protocolError)
    }

    /// Ends everything at once.
    private func abandon() {
        writeOutput()
        context?.flush()
        lose()
        context?.close(promise: nil)
    }

    private func lose() {
        isClosing = true
        multiplexer?.failAll(StreamingError.clientGone)
        multiplexer = nil
        session.connectionLost()
    }

    /// Returns the number of bytes.
    @discardableResult
    private func writeOutput() -> Int {
        guard let bytes = connection.takeOutput() else { return 0 }
        context?.write(wrapOutboundOut(bytes), promise: nil)
        return bytes.readableBytes
    }
}

/// For the streams.
extension SPDYHandler {
    /// Payloads up to this length are put into one buffer with their header.
    private static var shortPayload: Int { 512 }

    var canSend: Bool { context?.channel.isWritable ?? false }

    func window(of stream: UInt32) -> Int { connection.window(of: stream) }

    func send(_ bytes: ByteBuffer, on stream: UInt32) {
        writeOutput()
        guard let context, var header = connection.data(on: stream, count: bytes.readableBytes) else { return }
        guard bytes.readableBytes > Self.shortPayload else {
            header.writeImmutableBuffer(bytes)
            context.write(wrapOutboundOut(header), promise: nil)
            return
        }
        context.write(wrapOutboundOut(header), promise: nil)
        context.write(wrapOutboundOut(bytes), promise: nil)
    }

    func finish(_ stream: UInt32) { connection.finish(stream) }

    func reset(_ stream: UInt32) { connection.reset(stream, .cancel) }

    func consumed(_ count: Int, of stream: UInt32) { connection.consumed(count, of: stream) }

    func flush() {
        writeOutput()
        context?.flush()
    }

    func setReading(_ isReading: Bool) {
        try? context?.channel.syncOptions?.setOption(.autoRead, value: isReading || isClosing)
    }

    /// The client closes, having read all; a close from here, with bytes unread that are still coming, could cost it
    /// the last of what was sent.
    func closeGracefully() {
        guard let context, !isClosing else { return }
        connection.goAway()
        flush()
        isClosing = true
        setReading(true)
        let channel = context.channel
        context.eventLoop.assumeIsolated().scheduleTask(in: lingering) { channel.close(promise: nil) }
    }
}
