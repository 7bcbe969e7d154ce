import NIOCore
import NIOHTTP2

/// Ends a connection only when the daemon ends or the client breaks the protocol beyond one stream, and then tells it which streams
/// were taken.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private enum State { case serving, draining, ending }

    private let streams: ConnectionStreams
    private let farewell: TimeAmount
    private var state = State.serving

    /// - Parameter farewell: how long a client may take to read the last frames.
    init(_ streams: ConnectionStreams, farewell: TimeAmount) {
        self.streams = streams
        self.farewell = farewell
    }

    /// Frames that reach here were answered already: pings and settings by the HTTP/2 handler.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { drain(context) }
        context.fireUserInboundEventTriggered(event)
    }

    /// An error's type does not tell whether a stream's or the connection's it is; the HTTP/2 handler's own GOAWAY does. An error of
    /// a stream has ended that stream alone. A socket that fails closes by itself.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = streams.failure, state != .ending else { return }
        end(context, failure)
    }

    /// Takes no more streams. The GOAWAY names the last one that was: what is above it the client sends again, elsewhere.
    private func drain(_ context: ChannelHandlerContext) {
        guard state == .serving else { return }
        state = .draining
        context.writeAndFlush(goAway(.noError), promise: nil)
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        streams.whenNoneIsOpen { [self] in
            // A stream ends while its last frame is being written.
            let handler = NIOLoopBound(self, eventLoop: loopBound.eventLoop)
            loopBound.eventLoop.execute { handler.value.end(loopBound.value, .noError) }
        }
    }

    /// Closes behind what is still to be sent. The HTTP/2 handler's GOAWAY of a failure says that any stream may have been taken; a
    /// second one, RFC 9113 section 6.8, says which were.
    private func end(_ context: ChannelHandlerContext, _ code: HTTP2ErrorCode) {
        guard state != .ending else { return }
        state = .ending
        let channel = context.channel
        context.writeAndFlush(goAway(code)).whenComplete { _ in channel.close(promise: nil) }
        context.eventLoop.scheduleTask(in: farewell) { channel.close(promise: nil) }
    }

    private func goAway(_ code: HTTP2ErrorCode) -> NIOAny {
        wrapOutboundOut(HTTP2Frame(streamID: .rootStream, payload: .goAway(lastStreamID: streams.last, errorCode: code, opaqueData: nil)))
    }
}

/// The streams of one connection. Belongs to the connection's event loop, on which the HTTP/2 handler calls it.
final class ConnectionStreams: NIOHTTP2StreamDelegate, NIOHTTP2FrameDelegate {
    private struct State {
        var last = HTTP2StreamID.rootStream
        var open = 0
        var failure: HTTP2ErrorCode?
        var whenIdle: (() -> Void)?
    }

    private let state: NIOLoopBoundBox<State>

    init(eventLoop: any EventLoop) { state = NIOLoopBoundBox(State(), eventLoop: eventLoop) }

    /// The last stream that was taken; 0 for none.
    var last: HTTP2StreamID { state.value.last }

    /// What the client has been told that it broke; nil while all is well.
    var failure: HTTP2ErrorCode? { state.value.failure }

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
        state.value.last = max(state.value.last, id)
        state.value.open += 1
    }

    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) {
        state.value.open -= 1
        guard state.value.open == 0 else { return }
        state.value.whenIdle?()
    }

    func wroteFrame(_ frame: HTTP2Frame) {
        guard case .goAway(_, let code, _) = frame.payload, code != .noError, failure == nil else { return }
        state.value.failure = code
    }

    /// Calls `body` when the last stream has closed.
    func whenNoneIsOpen(_ body: @escaping () -> Void) {
        if state.value.open == 0 { body() } else { state.value.whenIdle = body }
    }
}
