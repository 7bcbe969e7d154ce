import NIOCore
import NIOWebSocket

/// A part of a message.
struct WebSocketFragment: Equatable {
    var bytes: ByteBuffer
    let isFirst: Bool
    let isLast: Bool
}

/// What a client's frames mean: RFC 6455 sections 5.1, 5.4 and 5.5. The frames' own form is checked by NIO's decoder.
struct WebSocketReceiver {
    enum Event: Equatable {
        case fragment(WebSocketFragment)
        /// To be answered by a pong with the same bytes.
        case ping(ByteBuffer)
        case closed
        case nothing
    }

    private var isInMessage = false

    /// - Throws: the code to close the connection with.
    mutating func receive(_ frame: WebSocketFrame) throws(WebSocketFault) -> Event {
        guard let key = frame.maskKey, !frame.rsv1, !frame.rsv2, !frame.rsv3 else { throw .protocolError }
        var bytes = frame.data
        switch frame.opcode {
        case .connectionClose: return .closed
        case .pong: return .nothing
        case .ping:
            bytes.unmask(key)
            return .ping(bytes)
        case .continuation, .text, .binary:
            let isFirst = frame.opcode != .continuation
            guard isFirst != isInMessage else { throw .protocolError }
            isInMessage = !frame.fin
            bytes.unmask(key)
            return .fragment(WebSocketFragment(bytes: bytes, isFirst: isFirst, isLast: frame.fin))
        default: throw .protocolError
        }
    }
}

/// Why a WebSocket is closed. RFC 6455 section 7.4.1.
enum WebSocketFault: UInt16, Error {
    case normal = 1000
    case goingAway = 1001
    case protocolError = 1002
    case invalidPayload = 1007
    case tooLong = 1009
}
