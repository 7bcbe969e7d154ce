import NIOCore

/// Writes SPDY frames.
package enum SPDYFrameEncoder {
    /// What goes before `count` bytes of a stream.
    package static func writeDataHeader(stream: UInt32, count: Int, isLast: Bool, into buffer: inout ByteBuffer) {
        buffer.writeInteger(stream)
        buffer.writeInteger(UInt32(isLast ? SPDYWire.flagFin : 0) << 24 | UInt32(count))
    }

    package static func writeSynStream(stream: UInt32, isLast: Bool = false, block: ByteBuffer, into buffer: inout ByteBuffer) {
        writeHeader(.synStream, flags: isLast ? SPDYWire.flagFin : 0, length: 10 + block.readableBytes, into: &buffer)
        buffer.writeInteger(stream)
        buffer.writeInteger(UInt32(0))
        buffer.writeInteger(UInt16(0))
        buffer.writeImmutableBuffer(block)
    }

    package static func writeSynReply(stream: UInt32, block: ByteBuffer, into buffer: inout ByteBuffer) {
        writeHeader(.synReply, length: 4 + block.readableBytes, into: &buffer)
        buffer.writeInteger(stream)
        buffer.writeImmutableBuffer(block)
    }

    package static func writeReset(stream: UInt32, status: SPDYResetStatus, into buffer: inout ByteBuffer) {
        writeWords(.rstStream, stream, status.rawValue, into: &buffer)
    }

    package static func writeSettings(_ settings: [SPDYSetting], into buffer: inout ByteBuffer) {
        writeHeader(.settings, length: 4 + 8 * settings.count, into: &buffer)
        buffer.writeInteger(UInt32(settings.count))
        for setting in settings {
            buffer.writeInteger(setting.id)
            buffer.writeInteger(setting.value)
        }
    }

    package static func writePing(_ id: UInt32, into buffer: inout ByteBuffer) {
        writeHeader(.ping, length: 4, into: &buffer)
        buffer.writeInteger(id)
    }

    package static func writeGoAway(lastStream: UInt32, status: SPDYGoAwayStatus, into buffer: inout ByteBuffer) {
        writeWords(.goAway, lastStream, status.rawValue, into: &buffer)
    }

    package static func writeWindowUpdate(stream: UInt32, delta: UInt32, into buffer: inout ByteBuffer) {
        writeWords(.windowUpdate, stream, delta, into: &buffer)
    }

    private static func writeWords(_ kind: SPDYWire.Kind, _ first: UInt32, _ second: UInt32, into buffer: inout ByteBuffer) {
        writeHeader(kind, length: 8, into: &buffer)
        buffer.writeInteger(first)
        buffer.writeInteger(second)
    }

    private static func writeHeader(_ kind: SPDYWire.Kind, flags: UInt8 = 0, length: Int, into buffer: inout ByteBuffer) {
        buffer.writeInteger(0x8000 | SPDYWire.version)
        buffer.writeInteger(kind.rawValue)
        buffer.writeInteger(UInt32(flags) << 24 | UInt32(length))
    }
}
