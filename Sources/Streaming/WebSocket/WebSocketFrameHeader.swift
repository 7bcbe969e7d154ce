import NIOCore
import NIOWebSocket

/// Writes what goes before a payload that a server sends: RFC 6455 section 5.2, one unmasked frame for a message.
package enum WebSocketFrameHeader {
    package static func write(_ opcode: WebSocketOpcode, length: Int, into buffer: inout ByteBuffer) {
        let final: UInt8 = 0x80
        buffer.writeInteger(final | UInt8(webSocketOpcode: opcode))
        switch length {
        case ..<126: buffer.writeInteger(UInt8(length))
        case ...Int(UInt16.max):
            buffer.writeInteger(UInt8(126))
            buffer.writeInteger(UInt16(length))
        default:
            buffer.writeInteger(UInt8(127))
            buffer.writeInteger(UInt64(length))
        }
    }
}

extension ByteBuffer {
    /// Takes a client's mask off, eight bytes at a time. RFC 6455 section 5.3.
    package mutating func unmask(_ key: WebSocketMaskingKey) {
        let bytes = Array(key)
        let word = UInt64(littleEndian: (0..<8).reduce(0) { $0 | UInt64(bytes[$1 % 4]) << (8 * $1) })
        withUnsafeMutableReadableBytes { buffer in
            let whole = buffer.count / 8 * 8
            for offset in stride(from: 0, to: whole, by: 8) {
                let value = buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                buffer.storeBytes(of: value ^ word, toByteOffset: offset, as: UInt64.self)
            }
            for offset in whole..<buffer.count { buffer[offset] ^= bytes[offset % 4] }
        }
    }
}
