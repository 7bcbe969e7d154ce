import NIOCore
import NIOHTTP2

/// Ends a connection only when the daemon ends or the client breaks the protocol, and then tells it which streams were taken.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let streams: ConnectionStreams
    private var isDraining = false

    init(_ streams: ConnectionStreams) { self.streams = streams }

    /// Frames that reach here were answered already: pings and settings by the HTTP/2 handler.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { drain(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // An error of a stream has ended that stream alone. After a GOAWAY, what the client still sends to streams that were not
        // taken is no error either: RFC 9113 section 6.8.
        if error is NIOHTTP2Errors.StreamError || (isDraining && error is NIOHTTP2Errors.NoSuchStream) { return }
        context.close(promise: nil)
    }

    /// Takes no more streams. The GOAWAY names the last one that was: what is above it the client sends again, elsewhere.
    private func drain(_ context: ChannelHandlerContext) {
        guard !isDraining else { return }
        isDraining = true
        let goAway = HTTP2Frame(streamID: .rootStream, payload: .goAway(lastStreamID: streams.last, errorCode: .noError, opaqueData: nil))
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(goAway)).whenComplete { [streams] _ in
            streams.whenNoneIsOpen { loopBound.value.close(promise: nil) }
        }
    }
}

/// The streams of one connection. Belongs to the connection's event loop, on which the HTTP/2 handler calls it.
final class ConnectionStreams: NIOHTTP2StreamDelegate {
    private struct State {
        var last = HTTP2StreamID.rootStream
        var open = 0
        var whenIdle: (() -> Void)?
    }

    private let state: NIOLoopBoundBox<State>

    init(eventLoop: any EventLoop) { state = NIOLoopBoundBox(State(), eventLoop: eventLoop) }

    /// The last stream that was taken; 0 for none.
    var last: HTTP2StreamID { state.value.last }

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
        state.value.last = max(state.value.last, id)
        state.value.open += 1
    }

    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) {
        state.value.open -= 1
        guard state.value.open == 0 else { return }
        state.value.whenIdle?()
    }

    /// Calls `body` when the last stream has closed.
    func whenNoneIsOpen(_ body: @escaping () -> Void) {
        if state.value.open == 0 { body() } else { state.value.whenIdle = body }
    }
}
