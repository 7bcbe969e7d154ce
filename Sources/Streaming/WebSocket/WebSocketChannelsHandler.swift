import NIOCore

/// Carries a session's streams as channels of a WebSocket.
final class WebSocketChannelsHandler: ChannelInboundHandler, StreamCarrier {
    typealias InboundIn = WebSocketFragment
    typealias OutboundOut = ByteBuffer

    private let protocolName: ChannelProtocol
    private let plan: ChannelPlan
    private let session: any StreamSession
    private let lingering: TimeAmount
    private var receiver: ChannelReceiver
    private var multiplexer: StreamMultiplexer?
    private var context: ChannelHandlerContext?
    private var isClosing = false

    /// - Parameter lingering: how long the client has to close the connection after everything was said.
    init(_ protocolName: ChannelProtocol, plan: ChannelPlan, session: any StreamSession, lingering: TimeAmount) {
        self.protocolName = protocolName
        self.plan = plan
        self.session = session
        self.lingering = lingering
        receiver = ChannelReceiver(protocolName)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let multiplexer = StreamMultiplexer(eventLoop: context.eventLoop, carrier: self)
        self.multiplexer = multiplexer
        session.connected(self)
        for channel in plan.channels {
            if let greeting = channel.greeting { send(greeting, on: channel.id) }
        }
        context.flush()
        for channel in plan.channels {
            let endpoint = multiplexer.add(channel.id)
            if !session.opened(endpoint, headers: channel.headers) { multiplexer.remove(endpoint) }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        do {
            switch try receiver.receive(unwrapInboundIn(data)) {
            case .data(let channel, let bytes)?: multiplexer?[channel]?.received(bytes)
            case .closed(let channel)?: multiplexer?[channel]?.receivedEnd()
            case nil: break
            }
        } catch {
            abandon(error)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { multiplexer?.becameWritable() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { abandon(.goingAway) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        lose()
        context.fireChannelInactive()
    }

    private func abandon(_ fault: WebSocketFault) {
        lose()
        context?.triggerUserOutboundEvent(WebSocketHandler.Goodbye(fault: fault), promise: nil)
        context?.close(promise: nil)
    }

    private func lose() {
        isClosing = true
        multiplexer?.failAll(StreamingError.clientGone)
        multiplexer = nil
        session.connectionLost()
    }
}

/// For the streams.
extension WebSocketChannelsHandler {
    var canSend: Bool { context?.channel.isWritable ?? false }

    func window(of stream: UInt32) -> Int { .max }

    func send(_ bytes: ByteBuffer, on stream: UInt32) {
        guard let context, let message = ChannelSender.message(bytes, on: stream, protocolName) else { return }
        context.write(wrapOutboundOut(message.start), promise: nil)
        if let rest = message.bytes { context.write(wrapOutboundOut(rest), promise: nil) }
    }

    /// The protocols have no word for the end of one channel from the server: it is the end of the connection.
    func finish(_ stream: UInt32) {}

    func reset(_ stream: UInt32) {}

    func consumed(_ count: Int, of stream: UInt32) {}

    func flush() { context?.flush() }

    func setReading(_ isReading: Bool) {
        try? context?.channel.syncOptions?.setOption(.autoRead, value: isReading || isClosing)
    }

    func closeGracefully() {
        guard let context, !isClosing else { return }
        isClosing = true
        setReading(true)
        context.triggerUserOutboundEvent(WebSocketHandler.Goodbye(fault: .normal), promise: nil)
        let channel = context.channel
        context.eventLoop.assumeIsolated().scheduleTask(in: lingering) { channel.close(promise: nil) }
    }
}
