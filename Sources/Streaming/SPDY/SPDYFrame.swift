import NIOCore

/// A frame of SPDY/3.1 as it arrives. Chromium's "SPDY Protocol - Draft 3.1", section 2.6.
///
/// Header blocks are still compressed: their inflation has state that belongs to the connection.
package enum SPDYFrame: Equatable {
    /// A part of a DATA frame's payload; `isLast` on the frame's end when the frame bears FLAG_FIN.
    case data(stream: UInt32, bytes: ByteBuffer, isLast: Bool)
    case synStream(stream: UInt32, isLast: Bool, isUnidirectional: Bool, block: ByteBuffer)
    case synReply(stream: UInt32, isLast: Bool, block: ByteBuffer)
    case rstStream(stream: UInt32, status: UInt32)
    case settings([SPDYSetting])
    case ping(UInt32)
    case goAway(lastStream: UInt32, status: UInt32)
    case headers(stream: UInt32, isLast: Bool, block: ByteBuffer)
    case windowUpdate(stream: UInt32, delta: UInt32)
    /// A control frame of a type that this side has no use for. Section 2.2.1: to be skipped.
    case unknown(type: UInt16)
}

/// One entry of a SETTINGS frame. Section 2.6.4.
package struct SPDYSetting: Equatable {
    package static let initialWindowSize: UInt32 = 7

    package let id: UInt32
    package let value: UInt32
}

/// The numbers on the wire.
enum SPDYWire {
    static let version: UInt16 = 3
    /// Bytes before a frame's payload.
    static let headerLength = 8
    static let flagFin: UInt8 = 0x01
    static let flagUnidirectional: UInt8 = 0x02
    /// What a stream may send before a window update where nothing else is set. Section 2.6.8.
    static let defaultWindow = 64 << 10

    enum Kind: UInt16 {
        case synStream = 1
        case synReply = 2
        case rstStream = 3
        case settings = 4
        case ping = 6
        case goAway = 7
        case headers = 8
        case windowUpdate = 9
    }
}

/// Why a stream is reset. Section 2.6.3.
package enum SPDYResetStatus: UInt32 {
    case protocolError = 1
    case invalidStream = 2
    case refusedStream = 3
    case cancel = 5
    case internalError = 6
    case flowControlError = 7
}

/// Why a connection ends. Section 2.6.6.
package enum SPDYGoAwayStatus: UInt32 {
    case ok = 0
    case protocolError = 1
    case internalError = 2
}
