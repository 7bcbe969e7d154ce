import NIOCore
import NIOWebSocket

@testable import Streaming

extension FuzzTarget {
    static let streaming: [FuzzTarget] = [
        FuzzTarget("spdy", limit: 64 << 10, spdy),
        FuzzTarget("spdy-headers", limit: 32 << 10) { input in
            var inflater = HeaderInflater()
            let block = try inflater.inflate(ByteBuffer(bytes: input), limit: SPDYLimits().headerBlock)
            hold(block.readableBytes <= SPDYLimits().headerBlock, "a block of headers is longer than its limit")
            _ = try StreamHeaders(block: block, limit: SPDYLimits().headers)
        },
        FuzzTarget("websocket", limit: 16 << 10, webSocket),
        FuzzTarget("terminal-size") { input in
            var decoder = ResizeDecoder()
            for piece in pieces(input) { _ = try decoder.receive(piece) }
        },
    ]

    /// Frames of a SPDY connection, in pieces, and a server that does something after each event.
    @Sendable private static func spdy(_ input: [UInt8]) throws {
        var connection = SPDYConnection()
        var written = 0
        for piece in pieces(input) {
            connection.receive(piece)
            while let event = try connection.next() {
                answer(event, &connection)
                written += connection.takeOutput()?.readableBytes ?? 0
                hold(connection.streamCount <= SPDYLimits().streams, "there are \(connection.streamCount) streams")
            }
        }
        // A frame has 8 bytes at least; an answer to one is below 64.
        hold(written <= 64 + input.count * 64, "\(input.count) bytes had \(written) bytes of answers")
    }

    private static func answer(_ event: SPDYConnection.Event, _ connection: inout SPDYConnection) {
        switch event {
        case .opened(let stream, _): if stream % 7 == 5 { connection.reset(stream, .cancel) } else { connection.accept(stream) }
        case .data(let stream, let bytes):
            connection.consumed(bytes.readableBytes, of: stream)
            let sendable = connection.window(of: stream)
            hold(sendable >= 0, "the window of stream \(stream) is \(sendable)")
            _ = connection.data(on: stream, count: min(sendable, bytes.readableBytes))
        case .ended(let stream): connection.finish(stream)
        case .reset, .windowsChanged: break
        case .goneAway: connection.goAway()
        }
    }

    /// The first byte chooses the protocol; each message has a byte of opcode and flags, one of length, and its bytes.
    @Sendable private static func webSocket(_ input: [UInt8]) throws {
        var steering = Steering(input)
        let names = ["", "v4.channel.k8s.io", "v5.channel.k8s.io", "base64.channel.k8s.io", "v4.base64.channel.k8s.io"]
        guard let channels = ChannelProtocol(name: names[Int(steering.byte()) % names.count]) else { return }
        var frames = WebSocketReceiver()
        var messages = ChannelReceiver(channels)
        while steering.hasMore {
            let head = steering.byte()
            guard let opcode = WebSocketOpcode(encodedWebSocketOpcode: head & 0x0f) else { return }
            let bytes = ByteBuffer(bytes: steering.take(Int(steering.byte())))
            let key: WebSocketMaskingKey = [head, 1, 2, 3]
            let frame = WebSocketFrame(fin: head & 0x80 != 0, rsv1: head & 0x40 != 0, opcode: opcode, maskKey: key, data: bytes)
            guard case .fragment(let fragment) = try frames.receive(frame) else { continue }
            guard case .data(let channel, let bytes)? = try messages.receive(fragment) else { continue }
            // What the client may say, the server can say as well, or refuses to.
            _ = ChannelSender.message(bytes, on: channel, channels)
        }
    }

    /// The input cut into pieces of unequal length, as a connection gives them.
    private static func pieces(_ input: [UInt8]) -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        var rest = input[...]
        while let first = rest.first {
            let count = min(rest.count, 1 + Int(first) * 3)
            pieces.append(ByteBuffer(bytes: rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }
}
