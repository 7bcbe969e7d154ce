import NIOCore
import NIOWebSocket
import Testing

@testable import Streaming

@Suite("WebSocket parts") struct WebSocketPartsTests {
    @Test("the handshake's answer is RFC 6455's") func handshake() {
        #expect(WebSocketHandshake.accept(key: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(WebSocketHandshake.accept(key: "c2hvcnQ=") == nil)
        #expect(WebSocketHandshake.accept(key: "") == nil)
        #expect(WebSocketHandshake.accept(key: "no base64!") == nil)
    }

    @Test(
        "lengths take the shortest form",
        arguments: [
            (0, [0x82, 0]), (125, [0x82, 125]), (126, [0x82, 126, 0, 126]), (65535, [0x82, 126, 0xff, 0xff]),
            (65536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] as [(Int, [UInt8])]) func header(length: Int, expected: [UInt8])
    {
        var buffer = ByteBuffer()
        WebSocketFrameHeader.write(.binary, length: length, into: &buffer)
        #expect(Array(buffer.readableBytesView) == expected)
    }

    @Test("the mask is taken off whatever the length", arguments: [0, 1, 3, 7, 8, 9, 31, 1000]) func unmask(length: Int) {
        let key: WebSocketMaskingKey = [1, 0x80, 0xff, 7]
        let plain = ByteBuffer.random(length)
        var masked = plain
        masked.webSocketMask(key)
        masked.unmask(key)
        #expect(masked == plain)
    }

    private func frame(_ opcode: WebSocketOpcode, _ text: String = "", fin: Bool = true, masked: Bool = true) -> WebSocketFrame {
        let key: WebSocketMaskingKey = [1, 2, 3, 4]
        var bytes = ByteBuffer(string: text)
        if masked { bytes.webSocketMask(key) }
        return WebSocketFrame(fin: fin, opcode: opcode, maskKey: masked ? key : nil, data: bytes)
    }

    @Test("frames become parts of messages, with control frames between them") func messages() throws {
        var receiver = WebSocketReceiver()
        #expect(try receiver.receive(frame(.binary, "a", fin: false)) == .fragment(part("a", true, false)))
        #expect(try receiver.receive(frame(.ping, "p")) == .ping(ByteBuffer(string: "p")))
        #expect(try receiver.receive(frame(.continuation, "b", fin: false)) == .fragment(part("b", false, false)))
        #expect(try receiver.receive(frame(.pong)) == .nothing)
        #expect(try receiver.receive(frame(.continuation, "c")) == .fragment(part("c", false, true)))
        #expect(try receiver.receive(frame(.text, "d")) == .fragment(part("d", true, true)))
        #expect(try receiver.receive(frame(.connectionClose)) == .closed)
    }

    private func part(_ text: String, _ isFirst: Bool, _ isLast: Bool) -> WebSocketFragment {
        WebSocketFragment(bytes: ByteBuffer(string: text), isFirst: isFirst, isLast: isLast)
    }

    @Test("frames that are out of order, unmasked or of no kind break the protocol") func faults() throws {
        var receiver = WebSocketReceiver()
        #expect(throws: WebSocketFault.protocolError) { try receiver.receive(frame(.continuation)) }
        #expect(throws: WebSocketFault.protocolError) { try receiver.receive(frame(.binary, masked: false)) }
        #expect(throws: WebSocketFault.protocolError) {
            try receiver.receive(frame(WebSocketOpcode(encodedWebSocketOpcode: 3) ?? .text))
        }
        var reserved = frame(.binary)
        reserved.rsv1 = true
        #expect(throws: WebSocketFault.protocolError) { try receiver.receive(reserved) }
        _ = try receiver.receive(frame(.binary, fin: false))
        #expect(throws: WebSocketFault.protocolError) { try receiver.receive(frame(.binary)) }
    }
}

@Suite("Channel protocols") struct ChannelProtocolTests {
    @Test(
        "names are understood",
        arguments: [
            ("", 1, false), ("channel.k8s.io", 1, false), ("v2.channel.k8s.io", 2, false), ("v3.channel.k8s.io", 3, false),
            ("v4.channel.k8s.io", 4, false), ("v5.channel.k8s.io", 5, false), ("base64.channel.k8s.io", 1, true),
            ("v4.base64.channel.k8s.io", 4, true), ("v5.base64.channel.k8s.io", 5, true),
        ]) func names(name: String, version: Int, isBase64: Bool)
    {
        let channels = ChannelProtocol(name: name)
        #expect(channels?.version == version)
        #expect(channels?.isBase64 == isBase64)
        #expect(channels?.hasCloseSignal == (version == 5))
    }

    @Test("other names are not", arguments: ["v6.channel.k8s.io", "v1.channel.k8s.io", "xchannel.k8s.io", "base64.v4.channel.k8s.io", "chat"])
    func otherNames(name: String) {
        #expect(ChannelProtocol(name: name) == nil)
    }

    private func receiver(_ name: String) throws -> ChannelReceiver { ChannelReceiver(try #require(ChannelProtocol(name: name))) }

    private func part(_ bytes: [UInt8], _ isFirst: Bool = true, _ isLast: Bool = true) -> WebSocketFragment {
        WebSocketFragment(bytes: ByteBuffer(bytes: bytes), isFirst: isFirst, isLast: isLast)
    }

    @Test("a message names its channel once, its parts are passed on as they come") func binary() throws {
        var receiver = try receiver("v4.channel.k8s.io")
        #expect(try receiver.receive(part([2, 7, 8], true, false)) == .data(channel: 2, ByteBuffer(bytes: [7, 8])))
        #expect(try receiver.receive(part([9], false, true)) == .data(channel: 2, ByteBuffer(bytes: [9])))
        #expect(try receiver.receive(part([], true, false)) == nil)
        #expect(try receiver.receive(part([1, 5], false, true)) == .data(channel: 1, ByteBuffer(bytes: [5])))
        #expect(try receiver.receive(part([])) == nil)
        #expect(try receiver.receive(part([0])) == .data(channel: 0, ByteBuffer()))
    }

    @Test("the close signal is version 5's") func close() throws {
        var old = try receiver("v4.channel.k8s.io")
        #expect(try old.receive(part([255, 0])) == .data(channel: 255, ByteBuffer(bytes: [0])))
        var new = try receiver("v5.channel.k8s.io")
        #expect(try new.receive(part([255, 0])) == .closed(channel: 0))
        #expect(try new.receive(part([255], true, false)) == nil)
        #expect(try new.receive(part([4], false, true)) == .closed(channel: 4))
        #expect(throws: WebSocketFault.protocolError) { try new.receive(part([255])) }
        #expect(throws: WebSocketFault.protocolError) { try new.receive(part([255, 1, 2])) }
    }

    @Test("base64 is decoded when it is whole") func base64() throws {
        var receiver = try receiver("v4.base64.channel.k8s.io")
        #expect(try receiver.receive(part(Array("0aGVsbG8=".utf8))) == .data(channel: 0, ByteBuffer(string: "hello")))
        #expect(try receiver.receive(part(Array("1aGV".utf8), true, false)) == nil)
        #expect(try receiver.receive(part(Array("sbG8=".utf8), false, true)) == .data(channel: 1, ByteBuffer(string: "hello")))
        #expect(throws: WebSocketFault.invalidPayload) { try receiver.receive(part(Array("0!!!".utf8))) }
        #expect(throws: WebSocketFault.invalidPayload) { try receiver.receive(part([1, 65, 65, 65, 65])) }
    }

    @Test("base64 that never becomes whole is bounded") func boundlessBase64() throws {
        var receiver = try receiver("base64.channel.k8s.io")
        let megabyte = [UInt8](repeating: 65, count: 600_000)
        #expect(try receiver.receive(part(megabyte, true, false)) == nil)
        #expect(throws: WebSocketFault.tooLong) { try receiver.receive(part(megabyte, false, false)) }
    }

    @Test("noise is data, a signal or a fault", arguments: 0..<100) func noise(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for name in ["v5.channel.k8s.io", "v5.base64.channel.k8s.io"] {
            var receiver = try receiver(name)
            for _ in 0..<50 {
                let bytes = (0..<Int.random(in: 0...5, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                _ = try? receiver.receive(part(bytes, .random(using: &random), .random(using: &random)))
            }
        }
    }

    @Test("what is sent can be read") func sender() throws {
        let plain = try #require(ChannelProtocol(name: "v5.channel.k8s.io"))
        let (start, rest) = try #require(ChannelSender.message(ByteBuffer(string: "hi"), on: 1, plain))
        #expect(Array(start.readableBytesView) == [0x82, 3, 1])
        #expect(rest == ByteBuffer(string: "hi"))
        #expect(try #require(ChannelSender.message(ByteBuffer(), on: 3, plain)).bytes == nil)
        let base64 = try #require(ChannelProtocol(name: "base64.channel.k8s.io"))
        let message = try #require(ChannelSender.message(ByteBuffer(string: "hello"), on: 2, base64))
        #expect(message.start == ByteBuffer(bytes: [0x81, 9] + Array("2aGVsbG8=".utf8)))
    }

    @Test("a channel that a protocol's one byte cannot name is none", arguments: ["v5.channel.k8s.io", "v4.channel.k8s.io", "base64.channel.k8s.io"])
    func channelNumbers(name: String) throws {
        let plain = try #require(ChannelProtocol(name: name))
        let last = UInt32(plain.channelLimit - 1)
        for channel in [0, 1, last] { #expect(ChannelSender.message(ByteBuffer(string: "x"), on: channel, plain) != nil) }
        for channel in [last + 1, 255 + 1, .max] { #expect(ChannelSender.message(ByteBuffer(string: "x"), on: channel, plain) == nil) }
        #expect(plain.portLimit == (name.hasPrefix("base64") ? 104 : name.hasPrefix("v5") ? 127 : 128))
    }

    @Test("a WebSocket's channels have Kubernetes' numbers") func plan() {
        let all = ChannelPlan(stdin: true, stdout: true, stderr: true, terminal: true).channels
        #expect(all.map(\.id) == [0, 1, 2, 3, 4])
        #expect(all.map { $0.headers[StreamHeaders.streamType] } == ["stdin", "stdout", "stderr", "error", "resize"])
        #expect(all.map { $0.greeting != nil } == [false, true, false, false, false])
        let input = ChannelPlan(stdin: true, stdout: false, stderr: false, terminal: false).channels
        #expect(input.map(\.id) == [0, 3])
        #expect(input.map { $0.greeting != nil } == [false, true])
        let ports = ChannelPlan(ports: [80, 258]).channels
        #expect(ports.map(\.id) == [0, 1, 2, 3])
        #expect(ports.map(\.greeting) == [[80, 0], [80, 0], [2, 1], [2, 1]].map { ByteBuffer(bytes: $0) })
    }
}
