import NIOCore

/// The channels that a WebSocket has from its start.
struct ChannelPlan: Equatable {
    struct Channel: Equatable {
        let id: UInt32
        /// What a SPDY client would open this stream with.
        let headers: StreamHeaders
        /// What the server says on it first.
        let greeting: ByteBuffer?
    }

    let channels: [Channel]

    /// The channels of an exec or attach: stdin, stdout, stderr, error and resize have the numbers 0 to 4. An empty
    /// message on the first that the server writes to says that the connection stands.
    init(stdin: Bool, stdout: Bool, stderr: Bool, terminal: Bool) {
        let wanted: [(StreamKind, Bool)] = [
            (.stdin, stdin), (.stdout, stdout), (.stderr, stderr), (.error, true), (.resize, terminal),
        ]
        let greeted: StreamKind = stdout ? .stdout : stderr ? .stderr : .error
        channels = wanted.enumerated().filter(\.element.1).map { number, entry in
            Channel(
                id: UInt32(number), headers: [StreamHeaders.streamType: entry.0.rawValue],
                greeting: entry.0 == greeted ? ByteBuffer() : nil)
        }
    }

    /// The channels of a port-forward: for each port, in the order of the request, one for data and one for errors. The
    /// port's number goes first on both, as two bytes, the lower first.
    init(ports: [UInt16]) {
        channels = ports.enumerated().flatMap { number, port in
            ["data", "error"].enumerated().map { place, type in
                Channel(
                    id: UInt32(2 * number + place),
                    headers: [
                        StreamHeaders.streamType: type, StreamHeaders.port: "\(port)", StreamHeaders.requestID: "\(number)",
                    ],
                    greeting: ByteBuffer(integer: port, endianness: .little))
            }
        }
    }
}
