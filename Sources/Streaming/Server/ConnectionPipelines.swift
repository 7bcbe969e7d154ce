import Logging
import NIOCore
import NIOWebSocket

/// Makes of an upgraded connection what was agreed on.
struct ConnectionPipelines: Sendable {
    let options: StreamingOptions
    let backend: any StreamingBackend
    let calls: RunningCalls
    let logger: Logger

    private var creationTimeout: TimeAmount { TimeAmount(options.limits.streamCreationTimeout) }
    private var lingering: TimeAmount { TimeAmount(options.limits.lingering) }

    /// Adds handlers at the end of the pipeline. Called on the channel's event loop.
    func install(_ agreement: Agreement, in channel: any Channel) throws {
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(IdleStateHandler(allTimeout: TimeAmount(options.idleTimeout)), position: .first)
        let session = session(agreement, on: channel.eventLoop)
        switch agreement.transport {
        case .spdy: try operations.addHandler(spdy(session))
        case .tunnel:
            try addWebSocket(operations)
            try operations.addHandler(WebSocketTunnelHandler())
            try operations.addHandler(spdy(session))
        case .channels(let protocolName):
            try addWebSocket(operations)
            try operations.addHandler(
                WebSocketChannelsHandler(protocolName, plan: plan(agreement.request), session: session, lingering: lingering))
        }
    }

    private func spdy(_ session: any StreamSession) -> SPDYHandler {
        SPDYHandler(session: session, limits: options.limits.spdy, lingering: lingering, logger: logger)
    }

    private func addWebSocket(_ operations: ChannelPipeline.SynchronousOperations) throws {
        try operations.addHandler(ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: options.limits.webSocketFrame)))
        try operations.addHandler(WebSocketHandler())
    }

    private func plan(_ request: StreamingRequest) -> ChannelPlan {
        switch request {
        case .exec(let request): plan(request.streams)
        case .attach(let request): plan(request.streams)
        case .portForward(let request): ChannelPlan(ports: request.ports)
        }
    }

    private func plan(_ streams: RequestedStreams) -> ChannelPlan {
        ChannelPlan(stdin: streams.stdin, stdout: streams.stdout, stderr: streams.stderr, terminal: streams.terminal)
    }

    private func session(_ agreement: Agreement, on eventLoop: any EventLoop) -> any StreamSession {
        let (backend, calls) = (backend, calls)
        switch agreement.request {
        case .exec(let request):
            return remoteCommand(request.streams, agreement.transport, eventLoop) { streams in
                try await calls.during { try await backend.exec(request, streams: streams) }
            }
        case .attach(let request):
            return remoteCommand(request.streams, agreement.transport, eventLoop) { streams in
                try await calls.during { try await backend.attach(request, streams: streams) }
                return 0
            }
        case .portForward(let request):
            let opensLater = if case .channels = agreement.transport { false } else { true }
            return PortForwardSession(
                eventLoop: eventLoop, creationTimeout: creationTimeout, opensLater: opensLater, logger: logger
            ) { try await backend.connect(podSandboxID: request.podSandboxID, port: $0) }
        }
    }

    private func remoteCommand(
        _ streams: RequestedStreams, _ transport: Agreement.Transport, _ eventLoop: any EventLoop,
        work: @escaping RemoteCommandSession.Work
    ) -> RemoteCommandSession {
        let version =
            switch transport {
            case .spdy(let version): version
            case .channels(let protocolName): protocolName.version
            case .tunnel: 4
            }
        // A WebSocket has its channels from the start, the terminal's size among them, whatever its version.
        let hasChannels = if case .channels = transport { true } else { false }
        return RemoteCommandSession(
            streams, version: version, hasResize: hasChannels || version >= 3, eventLoop: eventLoop,
            creationTimeout: creationTimeout, logger: logger, work: work)
    }
}
