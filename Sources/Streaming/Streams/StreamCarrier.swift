import NIOCore

/// What carries streams: a SPDY or WebSocket connection. Used on its event loop alone.
protocol StreamCarrier: AnyObject {
    /// False while the connection holds as many bytes to send as it should.
    var canSend: Bool { get }
    /// Bytes that the peer takes on this stream now.
    func window(of stream: UInt32) -> Int
    /// Sends bytes, at most `window(of:)`; they go out with the next `flush`.
    func send(_ bytes: ByteBuffer, on stream: UInt32)
    /// Sends no more on the stream.
    func finish(_ stream: UInt32)
    /// Gives the stream up in both directions.
    func reset(_ stream: UInt32)
    /// Received bytes have gone to their destination.
    func consumed(_ count: Int, of stream: UInt32)
    func flush()
    /// Stops or goes on reading from the peer.
    func setReading(_ isReading: Bool)
    /// Sends what is waiting, says goodbye, and closes.
    func closeGracefully()
}

/// What is done with a connection's streams. Used on the connection's event loop alone.
protocol StreamSession: AnyObject {
    /// Called first.
    func connected(_ carrier: any StreamCarrier)
    /// A new stream from the client. False refuses it.
    func opened(_ stream: StreamEndpoint, headers: StreamHeaders) -> Bool
    /// The client gave the stream up.
    func reset(_ stream: StreamEndpoint)
    /// The connection is gone.
    func connectionLost()
}
