import NIOCore
import NIOHPACK
import NIOHTTP2

/// All limits of HTTP/2 and gRPC on the CRI's socket, set on purpose and nowhere else.
///
/// The socket's peers are root: the kubelet and a node's tools. Nothing that one of them may send under RFC 9113 ends its
/// connection, since a client whose connection ends sends again what was in flight: grpc-go pings as often as it measures
/// the bandwidth, and resets the stream of every call whose deadline passes. What one peer can make the daemon hold is
/// bounded by windows and sizes instead, and whoever exceeds those breaks the protocol.
///
/// | what | limit | why |
/// | --- | --- | --- |
/// | rate of PING, SETTINGS, PRIORITY | none | answered one for one, and bounded by `unreadControlFrames` |
/// | rate of RST_STREAM, of errors of streams | none | each costs a stream that is already gone |
/// | age, idle time, keepalive of the server | none | the kernel tells when the peer of a Unix socket has gone |
/// | concurrent streams | 2³¹ − 1 | a kubelet keeps some per pod open; calls wait in the node's own queues |
/// | everything else | below | |
public struct TransportLimits: Sendable, Hashable {
    /// Most bytes of one request message. Longer ones are RESOURCE_EXHAUSTED, and the connection goes on.
    public var requestMessage = 16 << 20
    /// Most bytes of a request's headers, as RFC 9113 section 6.5.2 counts them. Announced, so that clients keep to it.
    public var headerList = 64 << 10
    /// Most bytes of an HTTP/2 frame that a client may send: the least that RFC 9113 allows to set.
    public var frame = 16 << 10
    /// Bytes that a client may send on one stream before they are taken, and on the whole connection.
    public var streamWindow = 256 << 10
    public var connectionWindow = 4 << 20
    /// Most answers to pings and settings that wait because the client reads nothing. Beyond it the client is gone.
    public var unreadControlFrames = 10_000
    /// Most bytes of a status message, before percent-encoding makes them three times as many. With the other trailers they
    /// have to fit into one frame.
    public var statusMessage = 1 << 10
    /// How long a client may take to read its last answers when the daemon stops.
    public var farewell = TimeAmount.seconds(1)

    public init() {}

    /// As swift-nio-http2 wants it. Its rates count events in a window of time: in one of no length no rate is too high.
    var http2: NIOHTTP2Handler.Configuration {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        // Of what is not announced RFC 9113 knows no limit, but the HTTP/2 handler takes 100 streams.
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Int(Int32.max)),
            HTTP2Setting(parameter: .initialWindowSize, value: streamWindow), HTTP2Setting(parameter: .maxFrameSize, value: frame),
            HTTP2Setting(parameter: .maxHeaderListSize, value: headerList),
        ]
        connection.targetWindowSize = connectionWindow
        connection.maximumBufferedControlFrames = unreadControlFrames
        // A header list of the greatest size is this many frames long; some more may be short.
        connection.maximumSequentialContinuationFrames = 2 * (headerList / frame)
        connection.maximumSequentialEmptyDataFrames = .max
        connection.maximumConnectionGlitches = .max
        // Streams that this side reset and whose last frames may still be under way.
        connection.maximumRecentlyResetStreams = 4096
        connection.controlFrameRateLimit.windowLength = .zero
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = streamWindow
        stream.streamResetFrameRateLimit.windowLength = .zero
        stream.streamErrorRateLimit.windowLength = .zero
        return NIOHTTP2Handler.Configuration(connection: connection, stream: stream)
    }
}
