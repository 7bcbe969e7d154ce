import NIOCore

@testable import Streaming

/// Bytes of SPDY frames, right and wrong ones.
struct SPDYBytes: ~Copyable {
    private var deflater = HeaderDeflater()
    var buffer = ByteBuffer()

    mutating func take() -> ByteBuffer {
        defer { buffer = ByteBuffer() }
        return buffer
    }

    mutating func open(_ stream: UInt32, _ headers: StreamHeaders = [:], isLast: Bool = false) {
        open(stream, block: headers.block, isLast: isLast)
    }

    mutating func open(_ stream: UInt32, block: ByteBuffer, isLast: Bool = false) {
        SPDYFrameEncoder.writeSynStream(stream: stream, isLast: isLast, block: deflater.deflate(block), into: &buffer)
    }

    mutating func data(_ stream: UInt32, _ text: String, isLast: Bool = false) {
        SPDYFrameEncoder.writeDataHeader(stream: stream, count: text.utf8.count, isLast: isLast, into: &buffer)
        buffer.writeString(text)
    }

    mutating func control(version: UInt16 = 3, type: UInt16, flags: UInt8 = 0, length: Int? = nil, _ payload: [UInt8]) {
        buffer.writeInteger(0x8000 | version)
        buffer.writeInteger(type)
        buffer.writeInteger(UInt32(flags) << 24 | UInt32(length ?? payload.count))
        buffer.writeBytes(payload)
    }

    mutating func compress(_ block: ByteBuffer) -> [UInt8] { Array(deflater.deflate(block).readableBytesView) }
}

extension SPDYFrameDecoder {
    /// All frames of the bytes.
    mutating func frames(_ bytes: ByteBuffer) throws(SPDYError) -> [SPDYFrame] {
        append(bytes)
        var frames: [SPDYFrame] = []
        while let frame = try next() { frames.append(frame) }
        return frames
    }
}

extension SPDYConnection {
    /// All events of the bytes.
    mutating func events(_ bytes: ByteBuffer) throws(SPDYError) -> [Event] {
        receive(bytes)
        var events: [Event] = []
        while let event = try next() { events.append(event) }
        return events
    }

    /// The frames that are to be sent.
    mutating func sent() throws(SPDYError) -> [SPDYFrame] {
        var decoder = SPDYFrameDecoder(controlFrameLimit: 1 << 20)
        return try decoder.frames(takeOutput() ?? ByteBuffer())
    }
}
