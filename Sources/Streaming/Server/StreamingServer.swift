import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// Serves exec, attach and port-forward to clients that have a URL for it. CRI, Exec, Attach and PortForward.
///
/// HTTP/1.1 requests are upgraded to SPDY/3.1 or WebSocket, as the client asks. No URL, no service: a token stands in
/// it that cannot be guessed, is good for one minute, once, and for exactly the request that it was given for.
public final class StreamingServer: Sendable {
    private struct State {
        var tokens: TokenTable
        var listener: (any Channel)?
        var connections = ConnectionTable<any Channel>()
    }

    private let options: StreamingOptions
    private let pipelines: ConnectionPipelines
    private let calls = RunningCalls()
    private let group: any EventLoopGroup
    private let logger: Logger
    private let state: NIOLockedValueBox<State>

    public init(
        options: StreamingOptions, backend: any StreamingBackend, logger: Logger,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.options = options
        self.group = group
        self.logger = logger
        pipelines = ConnectionPipelines(options: options, backend: backend, calls: calls, logger: logger)
        let limits = options.limits
        state = NIOLockedValueBox(State(tokens: TokenTable(lifetime: limits.tokenLifetime, limit: limits.pendingRequests)))
    }

    /// Listens.
    /// - Throws: `StreamingError.cannotListen`, `.unusableCertificate`.
    public func start() async throws {
        let contexts = try await loadContexts()
        do {
            let listener = try await listen(contexts)
            state.withLockedValue { $0.listener = listener }
            logger.info("serving streams", metadata: ["address": "\(listener.localAddress?.description ?? options.address)"])
        } catch {
            throw StreamingError.cannotListen(address: options.address, port: options.port, reason: "\(error)")
        }
    }

    /// A daemon that was killed while it started a program holds the port until that program runs: for a moment, on a busy node.
    private func listen(_ contexts: TLSContexts?) async throws -> any Channel {
        for _ in 0..<50 {
            do { return try await bootstrap(contexts).bind(host: options.address, port: options.port).get() } catch let error as IOError
                where error.errnoCode == EADDRINUSE && options.port != 0
            { try await Task.sleep(for: .milliseconds(100)) }
        }
        return try await bootstrap(contexts).bind(host: options.address, port: options.port).get()
    }

    /// Stops listening, ends every session, and waits until the backend has ended what they started.
    public func shutdown() async {
        let channels = state.withLockedValue { state in
            defer { state.listener = nil }
            return [state.listener].compactMap { $0 } + state.connections.all
        }
        for channel in channels { try? await channel.close().get() }
        await calls.allEnded()
    }

    /// The port that is listened on; nil before the start.
    public var port: Int? { state.withLockedValue { $0.listener?.localAddress?.port } }

    /// A URL at which the command runs, once.
    /// - Throws: `StreamingError.tooManyRequests`, `.notListening`.
    public func execURL(_ request: RemoteCommand) throws(StreamingError) -> String { try url(.exec(request)) }

    /// A URL at which the container's streams are, once.
    /// - Throws: as `execURL`.
    public func attachURL(_ request: RemoteAttachment) throws(StreamingError) -> String { try url(.attach(request)) }

    /// A URL at which the pod's ports are reached, once.
    /// - Throws: as `execURL`.
    public func portForwardURL(_ request: PortForwarding) throws(StreamingError) -> String { try url(.portForward(request)) }

    private func url(_ request: StreamingRequest) throws(StreamingError) -> String {
        let scheme = options.tls == nil ? "http" : "https"
        let (authority, token): (String, Result<String, StreamingError>) = state.withLockedValue { state in
            guard let address = state.listener?.localAddress, let host = address.ipAddress, let port = address.port else {
                return ("", .failure(.notListening))
            }
            let token = Result { () throws(StreamingError) in try state.tokens.issue(request, now: .now) }
            return (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)", token)
        }
        return "\(scheme)://\(authority)/\(request.kind.rawValue)/\(try token.get())"
    }
}

/// Connections.
extension StreamingServer {
    private func loadContexts() async throws -> TLSContexts? {
        guard let tls = options.tls else { return nil }
        let logger = logger
        return try await NIOThreadPool.singleton.runIfActive { try TLSContexts(tls, logger: logger) }
    }

    private func bootstrap(_ contexts: TLSContexts?) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Connections inherit it. What a client has sent when it leaves is read at once, however slow its readers.
            .serverChannelOption(.socketOption(.so_rcvbuf), value: .init(DescriptorBridge.socketBuffer))
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 128 << 10, high: 256 << 10))
            .childChannelInitializer { [self] channel in
                guard admit(channel) else { return channel.eventLoop.makeFailedFuture(StreamingError.clientGone) }
                guard let contexts else { return set(up: channel, nil) }
                return NIOThreadPool.singleton.runIfActive(eventLoop: channel.eventLoop) { contexts.current() }
                    .flatMap { [self] context in set(up: channel, context) }
            }
    }

    /// False when there are too many that are served. Of those that have asked for nothing yet, the oldest makes room.
    private func admit(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let limit = options.limits.connections
        let admission = state.withLockedValue { $0.connections.admit(channel, id, limit: limit) }
        switch admission {
        case .refused:
            logger.warning("refused a streaming client", metadata: ["connections": "\(limit)"])
            return false
        case .instead(let idle): idle.close(promise: nil)
        case .admitted: break
        }
        channel.closeFuture.whenComplete { [state] _ in state.withLockedValue { $0.connections.remove(id) } }
        return true
    }

    private func set(up channel: any Channel, _ context: NIOSSLContext?) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture { [self] in
            if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
            let negotiation = UpgradeNegotiation { [state] token, kind in
                state.withLockedValue { $0.tokens.redeem(token, as: kind, now: .now) }
            }
            let handler = UpgradeHandler(negotiation, timeout: TimeAmount(options.limits.handshakeTimeout)) { [pipelines, state] channel, agreement in
                state.withLockedValue { $0.connections.serve(ObjectIdentifier(channel)) }
                try pipelines.install(agreement, in: channel)
            }
            try UpgradeHandler.install(in: channel, handler, options.limits)
        }
    }
}
