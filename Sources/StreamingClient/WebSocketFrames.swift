import NIOCore
import NIOWebSocket
import Streaming

/// Reads frames as servers send them, and writes them as clients do. RFC 6455 section 5.2.
package struct WebSocketFrames {
    private var unread = ByteBuffer()

    package init() {}

    package mutating func append(_ bytes: ByteBuffer) {
        unread.discardReadBytes()
        unread.writeImmutableBuffer(bytes)
    }

    /// The next frame; nil until it is whole.
    package mutating func next() -> (opcode: WebSocketOpcode, payload: ByteBuffer)? {
        var bytes = unread
        guard let first = bytes.readInteger(as: UInt8.self), let second = bytes.readInteger(as: UInt8.self),
            let length = Self.length(second, &bytes), let payload = bytes.readSlice(length: length),
            let opcode = WebSocketOpcode(encodedWebSocketOpcode: first & 0x0f)
        else { return nil }
        unread = bytes
        return (opcode, payload)
    }

    private static func length(_ short: UInt8, _ bytes: inout ByteBuffer) -> Int? {
        switch short {
        case 126: bytes.readInteger(as: UInt16.self).map(Int.init)
        case 127: bytes.readInteger(as: UInt64.self).map(Int.init)
        default: Int(short)
        }
    }

    /// A masked frame. The key is always the same: no proxy is in between that it would have to deceive.
    package static func masked(_ opcode: WebSocketOpcode, _ payload: ByteBuffer, fin: Bool = true) -> ByteBuffer {
        let key: WebSocketMaskingKey = [0x12, 0x34, 0x56, 0x78]
        var frame = unmasked(opcode, ByteBuffer(), length: payload.readableBytes, fin: fin)
        let second: UInt8 = frame.getInteger(at: 1) ?? 0
        frame.setInteger(second | 0x80, at: 1)
        frame.writeBytes(key)
        var payload = payload
        payload.unmask(key)
        frame.writeImmutableBuffer(payload)
        return frame
    }

    /// A frame as no client may send it.
    package static func unmasked(_ opcode: WebSocketOpcode, _ payload: ByteBuffer, fin: Bool = true) -> ByteBuffer {
        unmasked(opcode, payload, length: payload.readableBytes, fin: fin)
    }

    private static func unmasked(_ opcode: WebSocketOpcode, _ payload: ByteBuffer, length: Int, fin: Bool) -> ByteBuffer {
        var frame = ByteBuffer()
        WebSocketFrameHeader.write(opcode, length: length, into: &frame)
        if !fin { frame.setInteger(UInt8(webSocketOpcode: opcode), at: 0) }
        frame.writeImmutableBuffer(payload)
        return frame
    }
}
