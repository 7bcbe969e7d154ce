import FoundationEssentials
import NIOCore

/// What the messages of a channel protocol mean. Knows no I/O.
struct ChannelReceiver {
    enum Event: Equatable {
        case data(channel: UInt32, ByteBuffer)
        case closed(channel: UInt32)
    }

    /// Most bytes of a message that has to be whole before it can be understood, one in base64.
    static let wholeMessageLimit = 1 << 20

    private let protocolName: ChannelProtocol
    /// The channel of the message whose parts are coming.
    private var channel: UInt8?
    private var whole = ByteBuffer()

    init(_ protocolName: ChannelProtocol) {
        self.protocolName = protocolName
    }

    /// - Throws: the code to close the connection with.
    mutating func receive(_ fragment: WebSocketFragment) throws(WebSocketFault) -> Event? {
        var bytes = fragment.bytes
        if fragment.isFirst {
            channel = nil
            whole = ByteBuffer()
        }
        // A message's first part may be empty; a whole empty message means nothing.
        if channel == nil { channel = bytes.readInteger(as: UInt8.self) }
        guard let channel else { return nil }
        if protocolName.hasCloseSignal, channel == ChannelProtocol.closeSignal { return try close(bytes, fragment.isLast) }
        guard protocolName.isBase64 else { return .data(channel: UInt32(channel), bytes) }
        return try decode(channel, bytes, fragment.isLast)
    }

    private mutating func close(_ bytes: ByteBuffer, _ isLast: Bool) throws(WebSocketFault) -> Event? {
        whole.writeImmutableBuffer(bytes)
        guard whole.readableBytes <= 1 else { throw .protocolError }
        guard isLast else { return nil }
        guard let closed = whole.readInteger(as: UInt8.self) else { throw .protocolError }
        return .closed(channel: UInt32(closed))
    }

    private mutating func decode(_ digit: UInt8, _ bytes: ByteBuffer, _ isLast: Bool) throws(WebSocketFault) -> Event? {
        guard whole.readableBytes + bytes.readableBytes <= Self.wholeMessageLimit else { throw .tooLong }
        whole.writeImmutableBuffer(bytes)
        guard isLast else { return nil }
        guard digit >= UInt8(ascii: "0"), let decoded = Data(base64Encoded: Data(whole.readableBytesView)) else {
            throw .invalidPayload
        }
        whole = ByteBuffer()
        return .data(channel: UInt32(digit - UInt8(ascii: "0")), ByteBuffer(bytes: decoded))
    }
}

/// Writes the messages of a channel protocol.
enum ChannelSender {
    /// The start of a message that `bytes`, where that is returned, completes. Nil for a channel that the protocol cannot name.
    static func message(
        _ bytes: ByteBuffer, on channel: UInt32, _ protocolName: ChannelProtocol
    ) -> (start: ByteBuffer, bytes: ByteBuffer?)? {
        guard let channel = protocolName.byte(ofChannel: channel) else { return nil }
        var start = ByteBuffer()
        guard protocolName.isBase64 else {
            WebSocketFrameHeader.write(.binary, length: bytes.readableBytes + 1, into: &start)
            start.writeInteger(channel)
            return (start, bytes.readableBytes > 0 ? bytes : nil)
        }
        let text = Data(bytes.readableBytesView).base64EncodedString()
        WebSocketFrameHeader.write(.text, length: text.utf8.count + 1, into: &start)
        start.writeInteger(channel)
        start.writeString(text)
        return (start, nil)
    }
}
