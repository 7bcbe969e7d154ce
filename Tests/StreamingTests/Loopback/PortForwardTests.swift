import NIOCore
import StreamingClient
import Testing

@testable import Streaming

@Suite("Port-forward", .timeLimit(.minutes(2))) struct PortForwardTests {
    private let request = PortForwarding(podSandboxID: "p", ports: [])

    private func forward(_ body: (SPDYClient) async throws -> Void) async throws {
        try await withServer(.localhost) { server in
            let url = try server.portForwardURL(request)
            try await SPDYClient.with(url, "portforward.k8s.io", body)
        }
    }

    @Test("the client's end reaches the pod, the pod's last words reach the client") func clientEndsFirst() async throws {
        try await TestService.with({ Echo() }) { service in
            try await forward { client in
                let (error, data) = try await client.open(port: service.port, request: 0)
                try await client.send(ByteBuffer(string: "hello"), on: data)
                #expect(try await client.receive { $0.text(data) == "hello" })
                try await client.finish(data)
                #expect(try await client.receive { $0.ended.isSuperset(of: [data, error]) })
                #expect(client.received.text(data) == "hello[end]")
                #expect(client.received.text(error) == "")
                #expect(client.received.reset.isEmpty)
            }
        }
    }

    @Test("the pod's end reaches the client, which may still send; its reset ends all, as kubectl's") func podEndsFirst() async throws {
        try await TestService.with({ Greeter() }) { service in
            try await forward { client in
                let (error, data) = try await client.open(port: service.port, request: 0)
                #expect(try await client.receive { $0.ended.contains(data) })
                #expect(client.received.text(data) == "welcome")
                #expect(!client.received.ended.contains(error))
                try await client.send(ByteBuffer(string: "more"), on: data)
                try await client.reset(data)
                #expect(try await client.receive { $0.ended.contains(error) })
                #expect(client.received.text(error) == "")
            }
        }
    }

    @Test("a connection that the pod refuses is reset, without the word at which client-go ends the session; others go on")
    func refused() async throws {
        try await TestService.with({ Echo() }) { service in
            try await forward { client in
                let (error, data) = try await client.open(port: 1, request: 0)
                #expect(try await client.receive { $0.ended.contains(error) && $0.reset[data] != nil })
                #expect(client.received.text(error) == "")
                let (_, second) = try await client.open(port: service.port, request: 1)
                try await client.send(ByteBuffer(string: "x"), on: second, isLast: true)
                #expect(try await client.receive { $0.ended.contains(second) })
                #expect(client.received.text(second) == "x[end]")
            }
        }
    }

    @Test("a connection that the pod resets in the middle of its words takes no other with it", arguments: 0..<3)
    func podResets(round: Int) async throws {
        try await TestService.with({ Resetter() }) { resetting in
            try await TestService.with({ Echo() }) { service in
                try await forward { client in
                    let (_, long) = try await client.open(port: service.port, request: 0)
                    let (error, data) = try await client.open(port: resetting.port, request: 1)
                    try await client.send(ByteBuffer(string: "x"), on: data)
                    #expect(try await client.receive { $0.ended.contains(error) && ($0.reset[data] != nil || $0.ended.contains(data)) })
                    #expect(client.received.text(error) == "")
                    try await client.send(ByteBuffer(string: "still here"), on: long, isLast: true)
                    #expect(try await client.receive { $0.ended.contains(long) })
                    #expect(client.received.text(long) == "still here[end]")
                    let (_, new) = try await client.open(port: service.port, request: 2)
                    try await client.send(ByteBuffer(string: "new"), on: new, isLast: true)
                    #expect(try await client.receive { $0.ended.contains(new) })
                }
            }
        }
    }

    @Test("what is wrong with the pod itself is said on the error stream") func broken() async throws {
        struct Gone: Error, CustomStringConvertible { var description: String { "the pod is gone" } }
        try await withServer(FakeBackend(onConnect: { _, _ in throw Gone() })) { server in
            try await SPDYClient.with(try server.portForwardURL(request), "portforward.k8s.io") { client in
                let (error, _) = try await client.open(port: 1, request: 0)
                #expect(try await client.receive { $0.ended.contains(error) })
                #expect(client.received.text(error) == "cannot forward port 1: the pod is gone")
            }
        }
    }

    @Test("WebSocket channels: as many ports as a byte can name are forwarded, and one more is refused", arguments: [128, 129])
    func manyPorts(count: Int) async throws {
        try await TestService.with({ Echo() }) { service in
            try await withServer(.localhost) { server in
                let ports = [UInt16](repeating: 1, count: count - 1) + [service.port]
                let url = try server.portForwardURL(PortForwarding(podSandboxID: "p", ports: ports))
                if count == 129 {
                    await #expect(throws: (any Error).self) { try await WebSocketClient.with(url, "v4.channel.k8s.io") { _, _ in } }
                } else {
                    try await WebSocketClient.with(url, "v4.channel.k8s.io") { client, _ in
                        try await client.send(ByteBuffer(string: "hello"), on: 254)
                        try await client.receive { $0.bytes(254).readableBytes == 7 }
                    }
                }
            }
        }
    }

    @Test("hundreds of connections at once on one session") func many() async throws {
        try await TestService.with({ Echo() }) { service in
            try await forward { client in
                var pairs: [(error: UInt32, data: UInt32)] = []
                for number in 0..<300 {
                    let pair = try await client.open(port: service.port, request: number)
                    try await client.send(ByteBuffer(string: "connection \(number)"), on: pair.data, isLast: true)
                    pairs.append(pair)
                }
                let all = Set(pairs.flatMap { [$0.error, $0.data] })
                #expect(try await client.receive { $0.ended.isSuperset(of: all) })
                for (number, pair) in pairs.enumerated() { #expect(client.received.text(pair.data) == "connection \(number)[end]") }
            }
        }
    }

    @Test("a stream whose other never comes is ended") func unpaired() async throws {
        var options = StreamingOptions()
        options.limits.streamCreationTimeout = .milliseconds(200)
        try await withServer(.localhost, options) { server in
            let url = try server.portForwardURL(request)
            try await SPDYClient.with(url, "portforward.k8s.io") { client in
                let error = try await client.open([StreamHeaders.streamType: "error", StreamHeaders.port: "80", StreamHeaders.requestID: "a"])
                let data = try await client.open([StreamHeaders.streamType: "data", StreamHeaders.port: "80", StreamHeaders.requestID: "b"])
                #expect(try await client.receive { $0.ended.contains(error) && $0.reset[data] != nil })
                #expect(client.received.text(error).contains("was not opened in time"))
            }
        }
    }

    @Test("streams without port, role or number of their own are refused") func refusedStreams() async throws {
        try await forward { client in
            let streams = [
                try await client.open([:]), try await client.open([StreamHeaders.streamType: "data"]),
                try await client.open([StreamHeaders.streamType: "data", StreamHeaders.port: "0"]),
                try await client.open([StreamHeaders.streamType: "stdin", StreamHeaders.port: "80"]),
            ]
            #expect(try await client.receive { $0.reset.count == 4 })
            #expect(Set(client.received.reset.keys) == Set(streams))
        }
    }

    @Test("SPDY goes through a WebSocket", arguments: ["SPDY/3.1+portforward.k8s.io", "v2.portforward.k8s.io"]) func tunnel(name: String) async throws {
        try await TestService.with({ Echo() }) { service in
            try await withServer(.localhost) { server in
                let url = try server.portForwardURL(request)
                try await WebSocketClient.with(url, name) { client, head in
                    #expect(head.contains("Sec-WebSocket-Protocol: \(name)\r\n"))
                    var bytes = SPDYBytes()
                    bytes.open(1, [StreamHeaders.streamType: "error", StreamHeaders.port: "\(service.port)", StreamHeaders.requestID: "0"])
                    bytes.open(3, [StreamHeaders.streamType: "data", StreamHeaders.port: "\(service.port)", StreamHeaders.requestID: "0"])
                    bytes.data(3, "through a tunnel", isLast: true)
                    // Frames need not be messages.
                    var all = bytes.take()
                    while let piece = all.readSlice(length: min(50, all.readableBytes)), piece.readableBytes > 0 { try await client.send(.binary, piece) }
                    var frames: [SPDYFrame] = []
                    try await client.receive {
                        var decoder = SPDYFrameDecoder(controlFrameLimit: 10_000)
                        let received = $0.messages.filter { $0.opcode == .binary }.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1.bytes) }
                        frames = (try? decoder.frames(received)) ?? []
                        return frames.contains { if case .data(1, _, true) = $0 { true } else { false } }
                    }
                    let data = frames.reduce(into: ByteBuffer()) { if case .data(3, let bytes, _) = $1 { $0.writeImmutableBuffer(bytes) } }
                    #expect(String(buffer: data) == "through a tunnel[end]")
                }
            }
        }
    }

    @Test("WebSocket channels: each port has two, which say first whose they are", arguments: ["v4.channel.k8s.io", ""])
    func channels(name: String) async throws {
        try await TestService.with({ Echo() }) { service in
            try await withServer(.localhost) { server in
                let url = try server.portForwardURL(PortForwarding(podSandboxID: "p", ports: [service.port, 1]))
                try await WebSocketClient.with(url, name) { client, _ in
                    try await client.send(ByteBuffer(string: "hello"), on: 0)
                    try await client.receive { $0.bytes(0).readableBytes == 7 && $0.bytes(3).readableBytes > 2 }
                    var data = client.bytes(0)
                    #expect(data.readInteger(endianness: .little) == service.port)
                    #expect(String(buffer: data) == "hello")
                    #expect(client.bytes(1) == ByteBuffer(integer: service.port, endianness: .little))
                    #expect(client.bytes(2) == ByteBuffer(bytes: [1, 0]))
                    #expect(client.text(3) == "\u{1}\u{0}cannot forward port 1: connection refused")
                }
            }
        }
    }

    @Test("WebSocket channels: with the pod's end the connection ends") func channelsEnd() async throws {
        try await TestService.with({ Greeter() }) { service in
            try await withServer(.localhost) { server in
                let url = try server.portForwardURL(PortForwarding(podSandboxID: "p", ports: [service.port]))
                try await WebSocketClient.with(url, "v4.channel.k8s.io") { client, _ in
                    try await client.receive()
                    #expect(client.text(0).hasSuffix("welcome"))
                    #expect(client.closeCode == 1000)
                }
            }
        }
    }
}
