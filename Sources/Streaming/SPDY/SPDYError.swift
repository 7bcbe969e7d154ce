/// What a SPDY peer did that ends its connection.
package enum SPDYError: Error, Equatable, CustomStringConvertible {
    case controlFrameTooLong(length: Int, limit: Int)
    case wrongVersion(UInt16)
    case malformed(frame: String)
    case streamZero
    /// Not odd, or not above every stream that was opened before.
    case invalidStreamID(UInt32)
    case headersNotCompressed
    case headersTooLong(limit: Int)
    case tooManyHeaders(limit: Int)
    case malformedHeaders
    case closed

    package var description: String {
        switch self {
        case .controlFrameTooLong(let length, let limit): "a SPDY control frame of \(length) bytes is over the limit of \(limit)"
        case .wrongVersion(let version): "the SPDY frame is of version \(version): only 3 is spoken here"
        case .malformed(let frame): "the SPDY \(frame) frame is malformed"
        case .streamZero: "a SPDY frame names stream 0"
        case .invalidStreamID(let id): "SPDY stream \(id) cannot be opened: a client's streams have odd, rising numbers"
        case .headersNotCompressed: "a SPDY header block cannot be decompressed with zlib and SPDY's dictionary"
        case .headersTooLong(let limit): "a SPDY header block is longer than \(limit) bytes when decompressed"
        case .tooManyHeaders(let limit): "a SPDY header block has more than \(limit) headers"
        case .malformedHeaders: "a SPDY header block is malformed"
        case .closed: "the SPDY connection has failed before"
        }
    }
}
