/// What goes wrong in serving streams.
public enum StreamingError: Error, Equatable, CustomStringConvertible {
    /// The client closed its connection, or it was idle for too long.
    case clientGone
    /// The client gave this stream up.
    case streamReset
    /// Bytes were written to a stream that this side had finished.
    case writeAfterEnd
    /// Two readers want the bytes of one stream.
    case readTwice
    /// As many URLs as may be are out and not yet used.
    case tooManyRequests(limit: Int)
    /// No URL can be given before the server listens.
    case notListening
    /// The address in the configuration cannot be listened on.
    case cannotListen(address: String, port: Int, reason: String)
    /// The certificate, key or CA cannot be used.
    case unusableCertificate(file: String, reason: String)

    public var description: String {
        switch self {
        case .clientGone: "the streaming client is gone"
        case .streamReset: "the streaming client gave up the stream"
        case .writeAfterEnd: "bytes were written to a stream after its end"
        case .readTwice: "a stream has two readers"
        case .tooManyRequests(let limit):
            "\(limit) streaming URLs are waiting for their clients, which is the most; each is freed after a minute: try again then"
        case .notListening: "the streaming server is not listening yet"
        case .cannotListen(let address, let port, let reason):
            "cannot listen for streaming on \(address) port \(port): \(reason); set stream_address and stream_port in [crio.api]"
        case .unusableCertificate(let file, let reason):
            "cannot serve streaming with TLS: \(file): \(reason)"
        }
    }
}
