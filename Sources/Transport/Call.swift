import GRPCCore
import NIOCore

/// A stream that a client has opened, and what serves it.
struct Call: Sendable {
    typealias Request = RPCAsyncSequence<RPCRequestPart<MessageBytes>, any Error>
    typealias Response = RPCWriter<RPCResponsePart<MessageBytes>>.Closable

    private let channel: NIOAsyncChannel<RPCRequestPart<MessageBytes>, RPCResponsePart<MessageBytes>>
    private let method: EventLoopFuture<MethodDescriptor>
    private let farewell: TimeAmount

    /// On the stream's event loop. Whoever makes one has to run it.
    /// - Throws: where the stream has ended already.
    init(_ stream: any Channel, _ limits: TransportLimits, _ known: [String: MethodDescriptor]) throws {
        let method = stream.eventLoop.makePromise(of: MethodDescriptor.self)
        do {
            try stream.pipeline.syncOperations.addHandler(StreamHandler(limits: limits, known: known, method: method))
            channel = try NIOAsyncChannel(wrappingChannelSynchronously: stream)
        } catch {
            method.fail(error)
            throw error
        }
        self.method = method.futureResult
        farewell = limits.farewell
    }

    /// Has the call handled, and waits until its answer is sent. In a cancelled task, which is how the daemon stops, the answer
    /// goes out all the same.
    func run(_ handler: @Sendable (_ stream: RPCStream<Request, Response>, _ context: ServerContext) async -> Void) async {
        // What fails here is a stream whose client has gone, or that was no call and has been refused.
        try? await channel.executeThenClose { inbound, outbound in
            let method = try await method.get()
            let writer = ResponseWriter(writer: outbound, channel: channel.channel)
            if Task.isCancelled {
                try await writer.write(.status(.stopping, [:]))
            } else {
                await withServerContextRPCCancellationHandle { handle in
                    // Whoever waits for the caller's leaving runs there, and must not hold up the connection.
                    channel.channel.closeFuture.whenComplete { _ in Task { handle.cancel() } }
                    let stream = RPCStream<Request, Response>(
                        descriptor: method, inbound: RPCAsyncSequence(wrapping: inbound), outbound: RPCWriter.Closable(wrapping: writer))
                    await handler(
                        stream, ServerContext(descriptor: method, remotePeer: "unix:", localPeer: "unix:", cancellation: handle))
                }
            }
            await answered()
        }
    }

    /// Waits for the stream's end: a whole answer ends it, and closing it before drops what still has to be sent. A daemon that
    /// stops does not wait for ever.
    private func answered() async {
        let stream = channel.channel
        await withTaskCancellationHandler {
            await stream.closed()
        } onCancel: {
            stream.eventLoop.scheduleTask(in: farewell) { stream.close(promise: nil) }
        }
    }
}

/// Where a call's answer goes.
private struct ResponseWriter: ClosableRPCWriterProtocol {
    typealias Element = RPCResponsePart<MessageBytes>

    let writer: NIOAsyncChannelOutboundWriter<Element>
    let channel: any Channel

    func write(_ element: Element) async throws {
        let element = Task.isCancelled ? element.ofStoppedCall : element
        do { try await writer.write(element) } catch is CancellationError {
            // Cancelled, it has written nothing; but the client is there and wants its answer.
            try await Task { try await writer.write(element) }.value
        }
    }

    func write(contentsOf elements: some Sequence<Element>) async throws {
        for element in elements { try await write(element) }
    }

    func finish() { writer.finish() }
    func finish(throwing error: any Error) { channel.pipeline.fireErrorCaught(error) }
}

extension Status {
    /// The answer to whatever the daemon's end has cut off. A client takes UNAVAILABLE for no answer and sends the request again.
    static let stopping = Status(code: .unavailable, message: "the daemon is stopping: send the request again when it serves")
}

extension RPCResponsePart {
    /// What a call in a cancelled task says at its end. The failure that the cancellation looks like is none of its own.
    fileprivate var ofStoppedCall: Self {
        switch self {
        case .status(let status, let metadata) where [.internalError, .unknown, .cancelled].contains(status.code): .status(.stopping, metadata)
        default: self
        }
    }
}
