/// How the streaming server is set up.
public struct StreamingOptions: Sendable {
    /// An IPv4 or IPv6 address, or a name. `stream_address`.
    public var address: String
    /// 0 takes a free port. `stream_port`.
    public var port: Int
    /// `stream_enable_tls` and its files.
    public var tls: StreamingTLS?
    /// After so long without a byte either way a connection is closed. `stream_idle_timeout`.
    public var idleTimeout: Duration
    public var limits: StreamingLimits

    public init(
        address: String = "127.0.0.1", port: Int = 0, tls: StreamingTLS? = nil, idleTimeout: Duration = .seconds(4 * 60 * 60),
        limits: StreamingLimits = StreamingLimits()
    ) {
        self.address = address
        self.port = port
        self.tls = tls
        self.idleTimeout = idleTimeout
        self.limits = limits
    }
}

/// Paths of PEM files. They are read again when they have changed.
public struct StreamingTLS: Sendable, Equatable {
    /// `stream_tls_cert`; the chain may follow the certificate.
    public var certificate: String
    /// `stream_tls_key`
    public var key: String
    /// `stream_tls_ca`: with it, clients must show a certificate that it has signed.
    public var authority: String?

    public init(certificate: String, key: String, authority: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.authority = authority
    }
}

/// What clients may ask of the server. Whoever asks for more is refused or cut off; nothing grows without bound.
///
/// A connection has memory for at most 2 MiB of received bytes that nobody takes, 256 KiB of them on one stream, then it is
/// not read any more; for 256 KiB that wait to be sent and one read of each of its pipes, terminals or sockets, which are
/// then not read; and for 64 KiB of answers to pings and faults. What a client sends to a channel or stream that there is
/// not, is dropped. `StreamLimits` has these.
public struct StreamingLimits: Sendable {
    /// Most connections at the same time.
    public var connections = 1000
    /// Most URLs that were given out and not yet used.
    public var pendingRequests = 1000
    /// How long a URL is good.
    public var tokenLifetime = Duration.seconds(60)
    /// How long a client has, from its connection, for TLS and the HTTP request.
    public var handshakeTimeout = Duration.seconds(10)
    /// Most bytes of a header of the HTTP request, and of all of them.
    public var requestHeader = 16 << 10
    public var requestHead = 64 << 10
    /// Most headers of the HTTP request.
    public var requestHeaders = 100
    /// How long a client has to open the streams that belong together.
    public var streamCreationTimeout = Duration.seconds(30)
    /// How long a client has to close its connection when all was said.
    public var lingering = Duration.seconds(5)
    /// Most bytes of a WebSocket frame, and of a message in base64, which has to be whole. Other messages are passed on by
    /// the frame, and have no limit.
    public var webSocketFrame = 1 << 20
    /// Most bytes of a SPDY control frame, compressed headers among them. Data frames are passed on as they come.
    public var spdyControlFrame = 32 << 10
    /// Most bytes of a SPDY stream's headers after decompression.
    public var spdyHeaderBlock = 32 << 10
    /// Most headers of a SPDY stream.
    public var spdyHeaders = 100
    /// Most SPDY streams open on a connection at the same time.
    public var spdyStreams = 4096

    public init() {}

    var spdy: SPDYLimits {
        SPDYLimits(controlFrame: spdyControlFrame, headerBlock: spdyHeaderBlock, headers: spdyHeaders, streams: spdyStreams)
    }
}
