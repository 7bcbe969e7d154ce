import GRPCCore
import NIOCore
import NIOHTTP2
import NIOPosix
import Synchronization

/// gRPC's server side over HTTP/2 on a Unix socket, as the kubelet speaks it.
///
/// grpc-swift's own NIO transport answers more than a few pings or resets with a GOAWAY that makes the client send everything in
/// flight once more, and lets nobody set that; so the CRI has a transport whose every limit is in ``TransportLimits``.
public final class UnixSocketTransport: ServerTransport {
    public typealias Bytes = MessageBytes

    private typealias StreamChannel = NIOAsyncChannel<RPCRequestPart<Bytes>, RPCResponsePart<Bytes>>
    private typealias Call = (channel: StreamChannel, method: EventLoopFuture<MethodDescriptor>)
    private typealias Connection = (channel: any Channel, calls: NIOHTTP2Handler.AsyncStreamMultiplexer<Call>)

    private struct State {
        var known: [String: MethodDescriptor] = [:]
        var isDraining = false
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
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

    public func listen(
        streamHandler: @escaping @Sendable (_ stream: RPCStream<Inbound, Outbound>, _ context: ServerContext) async -> Void
    ) async throws {
        let listener: NIOAsyncChannel<Connection, Never>
        do { listener = try await bind() } catch {
            bound.fail(error)
            throw error
        }
        state.withLock { $0.listener = listener.channel }
        bound.succeed()
        try await listener.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in connections {
                    group.addTask { await self.serve(connection, streamHandler) }
                }
            }
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

    private func bind() async throws -> NIOAsyncChannel<Connection, Never> {
        let (limits, known) = (limits, state.withLock { $0.known })
        return try await ServerBootstrap(group: group)
            .bind(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture { try Self.configure(channel, limits, known) }
            }
    }

    private static func configure(
        _ channel: any Channel, _ limits: TransportLimits, _ known: [String: MethodDescriptor]
    ) throws -> Connection {
        let streams = ConnectionStreams(eventLoop: channel.eventLoop)
        let operations = channel.pipeline.syncOperations
        let calls = try operations.configureAsyncHTTP2Pipeline(
            mode: .server, streamDelegate: streams, configuration: limits.http2
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                let method = stream.eventLoop.makePromise(of: MethodDescriptor.self)
                try stream.pipeline.syncOperations.addHandler(StreamHandler(limits: limits, known: known, method: method))
                let channel = try StreamChannel(wrappingChannelSynchronously: stream)
                return (channel: channel, method: method.futureResult)
            }
        }
        try operations.addHandler(ConnectionHandler(streams))
        return (channel: channel, calls: calls)
    }

    private func serve(
        _ connection: Connection,
        _ streamHandler: @escaping @Sendable (_ stream: RPCStream<Inbound, Outbound>, _ context: ServerContext) async -> Void
    ) async {
        let key = ObjectIdentifier(connection.channel)
        let isDraining = state.withLock { state in
            state.connections[key] = connection.channel
            return state.isDraining
        }
        if isDraining { connection.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        await withDiscardingTaskGroup { group in
            do {
                for try await call in connection.calls.inbound { group.addTask { await Self.run(call, streamHandler) } }
            } catch {
                // The connection has failed, and with it every stream of it: nobody is left to be told.
            }
            // Also where this task was cancelled, which ends the sequence alone.
            connection.channel.close(promise: nil)
        }
        state.withLock { $0.connections[key] = nil }
    }

    private static func run(
        _ call: Call, _ streamHandler: @Sendable (_ stream: RPCStream<Inbound, Outbound>, _ context: ServerContext) async -> Void
    ) async {
        // What fails here is a stream whose client has gone, or that was no call and has been refused.
        try? await call.channel.executeThenClose { inbound, outbound in
            let method = try await call.method.get()
            await withServerContextRPCCancellationHandle { handle in
                call.channel.channel.closeFuture.whenComplete { _ in handle.cancel() }
                let stream = RPCStream<Inbound, Outbound>(
                    descriptor: method, inbound: RPCAsyncSequence(wrapping: inbound),
                    outbound: RPCWriter.Closable(wrapping: ResponseWriter(writer: outbound, channel: call.channel.channel)))
                await streamHandler(
                    stream, ServerContext(descriptor: method, remotePeer: "unix:", localPeer: "unix:", cancellation: handle))
            }
            // Closing drops what still waits to be sent; a whole answer closes the stream itself.
            if !Task.isCancelled { try await call.channel.channel.closeFuture.get() }
        }
    }
}

/// Where a call's answer goes.
private struct ResponseWriter: ClosableRPCWriterProtocol {
    typealias Element = RPCResponsePart<MessageBytes>

    let writer: NIOAsyncChannelOutboundWriter<Element>
    let channel: any Channel

    func write(_ element: Element) async throws { try await writer.write(element) }
    func write(contentsOf elements: some Sequence<Element>) async throws { try await writer.write(contentsOf: elements) }
    func finish() { writer.finish() }
    func finish(throwing error: any Error) { channel.pipeline.fireErrorCaught(error) }
}
