import NIOCore

/// The bytes that a client sends on one stream, in order, with backpressure: what nobody reads stays with the client.
/// For one reader. Ends where the client has closed its side.
///
/// - Throws: on reading, `StreamingError.clientGone` or `.streamReset`; `CancellationError` when the task is cancelled.
public struct ByteReader: AsyncSequence, Sendable {
    public typealias Element = ByteBuffer

    let endpoint: NIOLoopBound<StreamEndpoint>

    init(_ endpoint: StreamEndpoint) {
        self.endpoint = NIOLoopBound(endpoint, eventLoop: endpoint.eventLoop)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let endpoint: NIOLoopBound<StreamEndpoint>

        public mutating func next() async throws -> ByteBuffer? {
            let (endpoint, loop) = (endpoint, endpoint.eventLoop)
            let promise = loop.makePromise(of: ByteBuffer?.self)
            loop.execute { endpoint.value.read { promise.completeWith($0) } }
            return try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                loop.execute { endpoint.value.cancelRead() }
            }
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(endpoint: endpoint) }

    /// Writes all the bytes to a pipe, socket or terminal, on the connection's event loop.
    /// - Parameter descriptor: its ownership passes to the reader, which closes it at the end of the bytes.
    /// - Throws: as reading does. A destination that takes no more, such as the pipe of a process that has ended, is no
    ///   error: the rest is dropped.
    public func copy(toDescriptor descriptor: CInt) async throws {
        try await DescriptorBridge.output(descriptor, from: endpoint)
    }
}
