import GRPCCore
import NIOCore
import NIOHTTP2
import NIOPosix
import Synchronization

/// gRPC's server side over HTTP/2 on a Unix socket, as the kubelet speaks it.
///
/// grpc-swift's own NIO transport answers more than a few pings or resets with a GOAWAY that makes the client send everything in
/// flight once more, and lets nobody set that; so the CRI has a transport whose every limit is in ``TransportLimits``.
///
/// A connection and a call are taken where they are made, on the connection's event loop: no queue lies in between whose reader
/// could have left while something is put into it.
public final class UnixSocketTransport: ServerTransport {
    public typealias Bytes = MessageBytes

    private typealias Handler = @Sendable (_ stream: RPCStream<Inbound, Outbound>, _ context: ServerContext) async -> Void

    private struct State {
        var known: [String: MethodDescriptor] = [:]
        var isDraining = false
        var isStopping = false
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var calls: [UInt64: Task<Void, Never>] = [:]
        var callsTaken: UInt64 = 0
    }

    private let path: String
    private let limits: TransportLimits
    private let group: MultiThreadedEventLoopGroup
    private let bound: EventLoopPromise<Void>
    private let state = Mutex(State())

    /// - Parameter path: where the socket is made; nothing may be there.
    public init(path: String, limits: TransportLimits = TransportLimits()) {
        self.path = path
        self.limits = limits
        group = .singletonMultiThreadedEventLoopGroup
        bound = group.any().makePromise()
    }

    deinit { bound.fail(ChannelError.alreadyClosed) }

    /// Suspends until clients can connect.
    /// - Throws: where the socket cannot be made.
    public func listening() async throws { try await bound.futureResult.get() }

    public func configure(context: GRPCServerContext) {
        let known = Dictionary(context.methods.map { ("/\($0.fullyQualifiedMethod)", $0) }) { first, _ in first }
        state.withLock { $0.known = known }
    }

    /// Serves until the listener has been closed and every connection and call has ended. Cancelling it cancels the calls under
    /// way; each is answered.
    public func listen(
        streamHandler: @escaping @Sendable (_ stream: RPCStream<Inbound, Outbound>, _ context: ServerContext) async -> Void
    ) async throws {
        let listener: any Channel
        do { listener = try await bind(streamHandler) } catch {
            bound.fail(error)
            throw error
        }
        let isDraining = state.withLock { state in
            state.listener = listener
            return state.isDraining
        }
        if isDraining { listener.close(promise: nil) }
        bound.succeed()
        await withTaskCancellationHandler {
            await listener.closed()
            while let connection = state.withLock({ $0.connections.first?.value }) { await connection.closed() }
            while let call = state.withLock({ $0.calls.first?.value }) { await call.value }
        } onCancel: {
            stop()
        }
    }

    /// Takes no more connections and streams; those under way go on.
    public func beginGracefulShutdown() {
        let (listener, connections) = state.withLock { state in
            state.isDraining = true
            return (state.listener, Array(state.connections.values))
        }
        listener?.close(promise: nil)
        for connection in connections { connection.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }

    private func stop() {
        beginGracefulShutdown()
        let calls = state.withLock { state in
            state.isStopping = true
            return Array(state.calls.values)
        }
        for call in calls { call.cancel() }
    }

    private func bind(_ handler: @escaping Handler) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .childChannelInitializer { [self] channel in channel.eventLoop.makeCompletedFuture { try take(channel, handler) } }
            .bind(unixDomainSocketPath: path).get()
    }

    /// A connection that a client has made.
    private func take(_ channel: any Channel, _ handler: @escaping Handler) throws {
        let streams = ConnectionStreams(eventLoop: channel.eventLoop)
        let operations = channel.pipeline.syncOperations
        // Its sequence of streams is of no use: each is taken as it is made.
        _ = try operations.configureAsyncHTTP2Pipeline(
            mode: .server, streamDelegate: streams, frameDelegate: streams, configuration: limits.http2
        ) { [self] stream in
            stream.eventLoop.makeCompletedFuture { try begin(Call(stream, limits, state.withLock { $0.known }), handler) }
        }
        try operations.addHandler(ConnectionHandler(streams, farewell: limits.farewell))
        let key = ObjectIdentifier(channel)
        let isDraining = state.withLock { state in
            state.connections[key] = channel
            return state.isDraining
        }
        channel.closeFuture.whenComplete { [self] _ in state.withLock { $0.connections[key] = nil } }
        // Once it is active, since before there is nobody to tell.
        if isDraining { channel.eventLoop.execute { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) } }
    }

    private func begin(_ call: Call, _ handler: @escaping Handler) {
        state.withLock { state in
            let number = state.callsTaken
            state.callsTaken += 1
            let task = Task { [self] in
                await call.run(handler)
                self.state.withLock { $0.calls[number] = nil }
            }
            state.calls[number] = task
            if state.isStopping { task.cancel() }
        }
    }
}

extension Channel {
    /// Suspends until it is closed, whoever does that.
    func closed() async {
        await withCheckedContinuation { continuation in
            closeFuture.whenComplete { _ in continuation.resume() }
        }
    }
}
