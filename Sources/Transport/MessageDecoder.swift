import GRPCCore
import NIOCore

/// Finds messages in a stream's bytes: a byte that says whether it is compressed, four of length, the message.
/// gRPC over HTTP/2, "Length-Prefixed-Message". Knows no I/O.
struct MessageDecoder {
    private let limit: Int
    private var buffer = ByteBuffer()

    /// - Parameter limit: most bytes of a message.
    init(limit: Int) { self.limit = limit }

    /// Whether the bytes so far end within a message.
    var isWithinMessage: Bool { buffer.readableBytes > 0 }

    mutating func append(_ bytes: ByteBuffer) {
        var bytes = bytes
        if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeBuffer(&bytes) }
    }

    /// The next whole message; nil until more bytes have come.
    /// - Throws: RESOURCE_EXHAUSTED for a message over the limit, before its bytes have come; UNIMPLEMENTED for a compressed one.
    mutating func next() throws(RPCError) -> ByteBuffer? {
        guard let (compressed, length) = buffer.peekMultipleIntegers(as: (UInt8, UInt32).self) else { return nil }
        guard compressed == 0 else {
            throw RPCError(code: .unimplemented, message: "the request is compressed, which this server does not take")
        }
        guard length <= limit else {
            throw RPCError(code: .resourceExhausted, message: "the request has \(length) bytes: \(limit) are taken at the most")
        }
        guard buffer.readableBytes >= 5 + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: 5)
        defer { buffer.discardReadBytes() }
        return buffer.readSlice(length: Int(length))
    }
}
