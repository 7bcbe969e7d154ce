/// Bytes that a connection may hold for slow readers.
struct StreamLimits: Equatable {
    /// Received bytes of one stream that wait for their reader; above, nothing is read from the connection.
    var buffered = 256 << 10
    /// The same for all streams of a connection together.
    var bufferedInAll = 2 << 20
    /// Most bytes sent on one stream before another has its turn.
    var chunk = 64 << 10
    /// Bytes of answers to pings and faults that may wait for a peer that does not read; above, nothing is read from it.
    var unreadAnswers = 64 << 10
}
