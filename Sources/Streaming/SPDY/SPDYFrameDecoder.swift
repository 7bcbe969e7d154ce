import NIOCore

/// Cuts the bytes of a connection into SPDY frames.
///
/// The payload of DATA frames is passed on as it comes, so their length needs no limit; a control frame waits until it
/// is whole, and is bounded.
package struct SPDYFrameDecoder {
    /// Most bytes in a control frame's payload.
    let controlFrameLimit: Int
    private var unread = ByteBuffer()
    private var openData: OpenData?

    private struct OpenData {
        let stream: UInt32
        let isLast: Bool
        var remaining: Int
    }

    package init(controlFrameLimit: Int) {
        self.controlFrameLimit = controlFrameLimit
    }

    /// Bytes that wait for the rest of their frame.
    var unreadBytes: Int { unread.readableBytes }

    package mutating func append(_ bytes: ByteBuffer) {
        guard unread.readableBytes > 0 else {
            unread = bytes
            return
        }
        unread.writeImmutableBuffer(bytes)
    }

    /// The next frame, or nil until more bytes have come.
    package mutating func next() throws(SPDYError) -> SPDYFrame? {
        if openData != nil { return continueData() }
        guard let word = unread.getInteger(at: unread.readerIndex, as: UInt32.self),
            let flagsAndLength = unread.getInteger(at: unread.readerIndex + 4, as: UInt32.self)
        else { return nil }
        let flags = UInt8(flagsAndLength >> 24)
        let length = Int(flagsAndLength & 0xff_ffff)
        guard word & 0x8000_0000 != 0 else {
            guard word != 0 else { throw .streamZero }
            unread.moveReaderIndex(forwardBy: SPDYWire.headerLength)
            openData = OpenData(stream: word, isLast: flags & SPDYWire.flagFin != 0, remaining: length)
            return continueData()
        }
        let version = UInt16(word >> 16 & 0x7fff)
        guard version == SPDYWire.version else { throw .wrongVersion(version) }
        guard length <= controlFrameLimit else { throw .controlFrameTooLong(length: length, limit: controlFrameLimit) }
        guard unread.readableBytes >= SPDYWire.headerLength + length else { return nil }
        unread.moveReaderIndex(forwardBy: SPDYWire.headerLength)
        guard let payload = unread.readSlice(length: length) else { return nil }
        return try ControlFrame(type: UInt16(truncatingIfNeeded: word), flags: flags, payload: payload).parse()
    }

    private mutating func continueData() -> SPDYFrame? {
        guard var data = openData else { return nil }
        let count = min(data.remaining, unread.readableBytes)
        guard count > 0 || data.remaining == 0, let bytes = unread.readSlice(length: count) else { return nil }
        data.remaining -= count
        openData = data.remaining == 0 ? nil : data
        return .data(stream: data.stream, bytes: bytes, isLast: data.isLast && data.remaining == 0)
    }
}

/// A whole control frame, not yet understood.
private struct ControlFrame {
    let type: UInt16
    let flags: UInt8
    var payload: ByteBuffer

    private var isLast: Bool { flags & SPDYWire.flagFin != 0 }

    init(type: UInt16, flags: UInt8, payload: ByteBuffer) {
        self.type = type
        self.flags = flags
        self.payload = payload
    }

    consuming func parse() throws(SPDYError) -> SPDYFrame {
        guard let kind = SPDYWire.Kind(rawValue: type) else { return .unknown(type: type) }
        switch kind {
        case .synStream: return try synStream()
        case .synReply:
            let stream = try streamID("SYN_REPLY")
            return .synReply(stream: stream, isLast: isLast, block: payload)
        case .headers:
            let stream = try streamID("HEADERS")
            return .headers(stream: stream, isLast: isLast, block: payload)
        case .rstStream:
            let stream = try streamID("RST_STREAM")
            return .rstStream(stream: stream, status: try lastWord("RST_STREAM"))
        case .settings: return try settings()
        case .ping: return .ping(try lastWord("PING"))
        case .goAway:
            let stream = try word("GOAWAY") & 0x7fff_ffff
            // SPDY/2 had no status here; some peers still leave it out.
            return .goAway(lastStream: stream, status: payload.readableBytes == 0 ? 0 : try lastWord("GOAWAY"))
        case .windowUpdate:
            let stream = try word("WINDOW_UPDATE") & 0x7fff_ffff
            return .windowUpdate(stream: stream, delta: try lastWord("WINDOW_UPDATE") & 0x7fff_ffff)
        }
    }

    private mutating func synStream() throws(SPDYError) -> SPDYFrame {
        let stream = try streamID("SYN_STREAM")
        // The associated stream, then priority and slot: nothing that Kubernetes' protocols use.
        _ = try word("SYN_STREAM")
        guard payload.readInteger(as: UInt16.self) != nil else { throw .malformed(frame: "SYN_STREAM") }
        return .synStream(
            stream: stream, isLast: isLast, isUnidirectional: flags & SPDYWire.flagUnidirectional != 0, block: payload)
    }

    private mutating func settings() throws(SPDYError) -> SPDYFrame {
        let count = Int(try word("SETTINGS"))
        guard count == payload.readableBytes / 8, payload.readableBytes % 8 == 0 else { throw .malformed(frame: "SETTINGS") }
        var entries: [SPDYSetting] = []
        entries.reserveCapacity(count)
        while let flagsAndID = payload.readInteger(as: UInt32.self), let value = payload.readInteger(as: UInt32.self) {
            entries.append(SPDYSetting(id: flagsAndID & 0xff_ffff, value: value))
        }
        return .settings(entries)
    }

    private mutating func word(_ frame: String) throws(SPDYError) -> UInt32 {
        guard let word = payload.readInteger(as: UInt32.self) else { throw .malformed(frame: frame) }
        return word
    }

    /// The word that ends the frame.
    private mutating func lastWord(_ frame: String) throws(SPDYError) -> UInt32 {
        let word = try word(frame)
        guard payload.readableBytes == 0 else { throw .malformed(frame: frame) }
        return word
    }

    private mutating func streamID(_ frame: String) throws(SPDYError) -> UInt32 {
        let id = try word(frame) & 0x7fff_ffff
        guard id != 0 else { throw .streamZero }
        return id
    }
}
