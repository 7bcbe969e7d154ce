import NIOCore

/// Sends bytes to a client on one stream, with backpressure.
public struct ByteWriter: Sendable {
    let endpoint: NIOLoopBound<StreamEndpoint>

    init(_ endpoint: StreamEndpoint) {
        self.endpoint = NIOLoopBound(endpoint, eventLoop: endpoint.eventLoop)
    }

    /// Suspends until the connection has taken the bytes, which it does when few enough are waiting to be sent.
    /// - Throws: `StreamingError.clientGone` or `.streamReset`.
    public func write(_ bytes: ByteBuffer) async throws {
        let (endpoint, loop) = (endpoint, endpoint.eventLoop)
        let promise = loop.makePromise(of: Void.self)
        loop.execute { endpoint.value.write(bytes) { promise.completeWith($0) } }
        try await promise.futureResult.get()
    }

    /// Sends all that can be read from a pipe, socket or terminal, on the connection's event loop.
    ///
    /// - Parameters:
    ///   - descriptor: its ownership passes to the writer, which closes it.
    ///   - drain: once triggered, what is in the pipe is still sent, but its writers' end is not waited for.
    /// - Throws: `StreamingError.clientGone` or `.streamReset`; `CancellationError`.
    public func copy(fromDescriptor descriptor: CInt, drain: DrainSignal = DrainSignal()) async throws {
        try await DescriptorBridge.input(descriptor, to: endpoint, drain: drain)
    }
}
