import Glibc
import NIOCore
import Testing

@testable import Transport

/// What a client may send without losing its connection.
@Suite("A connection", .timeLimit(.minutes(2))) struct ConnectionTests {
    private typealias Kind = RawConnection.Kind

    /// Whether a call is answered, and nothing was said of an end.
    private static func lives(_ client: RawConnection) throws {
        let stream = client.call("/s/echo", "still here")
        try client.flush()
        try client.receive { $0.status(stream) != nil }
        #expect(client.status(stream) == 0)
        #expect(client.bytes[stream] == RawConnection.message("still here"))
        #expect(client.goneAway.isEmpty)
    }

    @Test("Any number of pings is answered, one for one")
    func pings() async throws {
        try await withTransport { path, _, _ in
            let client = try RawConnection(path: path)
            for round in 1...50 {
                for _ in 0..<100 { client.send(Kind.ping, ByteBuffer(repeating: 7, count: 8)) }
                try client.flush()
                try client.receive { $0.pongs == round * 100 }
            }
            try Self.lives(client)
        }
    }

    @Test("Thousands of calls that are cancelled end their calls alone")
    func resets() async throws {
        try await withTransport { path, _, calls in
            let client = try RawConnection(path: path)
            for _ in 0..<30 {
                for _ in 0..<100 {
                    let stream = client.open("/s/wait")
                    client.send(Kind.reset, stream: stream, ByteBuffer(integer: UInt32(8)))
                }
                try client.flush()
            }
            try Self.lives(client)
            // A call that has begun learns that its caller has left.
            let stream = client.open("/s/wait")
            try client.flush()
            let before = calls.started.count
            try waitUntil { calls.started.count != before }
            let left = calls.left.count
            client.send(Kind.reset, stream: stream, ByteBuffer(integer: UInt32(8)))
            try client.flush()
            try waitUntil { calls.left.count != left }
            try Self.lives(client)
        }
    }

    @Test("Pings are answered while thousands of calls are opened and cancelled")
    func pingsAmongResets() async throws {
        try await withTransport { path, _, _ in
            let client = try RawConnection(path: path)
            for round in 1...60 {
                for _ in 0..<10 {
                    for _ in 0..<10 {
                        let stream = client.open("/s/wait")
                        client.send(Kind.reset, stream: stream, ByteBuffer(integer: UInt32(8)))
                    }
                    client.send(Kind.ping, ByteBuffer(repeating: 7, count: 8))
                }
                try client.flush()
                try client.receive { $0.pongs == round * 10 }
            }
            try Self.lives(client)
        }
    }

    @Test("A call that is slow to learn that its caller has left holds up nobody's connection")
    func slowToLeave() async throws {
        try await withTransport { path, _, calls in
            defer { calls.block.signal() }
            let client = try RawConnection(path: path)
            let stream = client.open("/s/blocks")
            try client.flush()
            try waitUntil { calls.started.count != 0 }
            client.send(Kind.reset, stream: stream, ByteBuffer(integer: UInt32(8)))
            try client.flush()
            try waitUntil { calls.left.count != 0 }
            client.send(Kind.ping, ByteBuffer(repeating: 7, count: 8))
            try client.flush()
            try client.receive { $0.pongs == 1 }
        }
    }

    @Test("A thousand calls are under way at once")
    func manyAtOnce() async throws {
        try await withTransport { path, _, calls in
            let client = try RawConnection(path: path)
            let streams = (0..<1000).map { _ in client.open("/s/hold", ends: true) }
            try client.flush()
            try waitUntil { calls.started.count >= streams.count }
            try Self.lives(client)
            Task { await calls.held.open() }
            try client.receive { client in streams.allSatisfy { client.status($0) == 0 } }
        }
    }

    @Test("Frames of streams that have ended, settings, priorities and empty data are no end of it")
    func noise() async throws {
        try await withTransport { path, _, _ in
            let client = try RawConnection(path: path)
            for _ in 0..<500 {
                let stream = client.call("/s/echo", "x")
                try client.flush()
                try client.receive { $0.status(stream) == 0 }
                client.send(Kind.reset, stream: stream, ByteBuffer(integer: UInt32(8)))
                client.send(Kind.windowUpdate, stream: stream, ByteBuffer(integer: UInt32(1)))
                client.send(Kind.settings)
                client.send(Kind.priority, stream: stream, ByteBuffer(bytes: [0, 0, 0, 0, 1]))
            }
            let stream = client.open("/s/echo")
            for _ in 0..<1000 { client.send(Kind.data, stream: stream) }
            client.send(Kind.data, flags: 1, stream: stream)
            try client.flush()
            try client.receive { $0.status(stream) == 0 }
            try Self.lives(client)
        }
    }

    @Test("Errors of streams by the hundred are no end of it")
    func streamErrors() async throws {
        try await withTransport { path, _, _ in
            let client = try RawConnection(path: path)
            for _ in 0..<1000 {
                let stream = client.open("/s/wait")
                // An increment of zero is an error of the stream, RFC 9113 section 6.9.
                client.send(Kind.windowUpdate, stream: stream, ByteBuffer(integer: UInt32(0)))
            }
            try client.flush()
            try Self.lives(client)
        }
    }

    @Test("Messages beyond the limit, compressed ones and half ones are their calls' errors")
    func badMessages() async throws {
        var limits = TransportLimits()
        limits.requestMessage = 1000
        try await withTransport(limits) { path, _, _ in
            let client = try RawConnection(path: path)
            for _ in 0..<300 {
                let long = client.call("/s/echo", String(repeating: "x", count: 1001))
                let compressed = client.open("/s/echo")
                client.send(Kind.data, flags: 1, stream: compressed, ByteBuffer(bytes: [1, 0, 0, 0, 1, 7]))
                let half = client.open("/s/echo")
                client.send(Kind.data, flags: 1, stream: half, ByteBuffer(bytes: [0, 0, 0, 0, 9, 7]))
                // More than a window in all, which has to be given back although nobody takes it.
                let huge = client.open("/s/echo")
                client.send(Kind.data, stream: huge, ByteBuffer(bytes: [0, 0xff, 0xff, 0xff, 0xff]))
                client.send(Kind.data, stream: huge, ByteBuffer(repeating: 1, count: 16384))
                try client.flush()
                let all = [long, compressed, half, huge]
                try client.receive { client in all.allSatisfy { client.status($0) != nil } }
                #expect(all.map { client.status($0) } == [8, 12, 13, 8])
            }
            try Self.lives(client)
        }
    }

    @Test("What is no call is refused alone")
    func noCalls() async throws {
        try await withTransport { path, _, _ in
            let client = try RawConnection(path: path)
            let unknown = client.open("/what", ends: true)
            let encoded = client.open("/s/echo", ends: true, [("grpc-encoding", "gzip")])
            let plain = client.open("/s/echo", ends: true, [("content-type", "text/plain")])
            try client.flush()
            try client.receive { $0.status(unknown) != nil && $0.status(encoded) != nil && $0.answers[plain] != nil }
            #expect(client.status(unknown) == 12 && client.status(encoded) == 12)
            try Self.lives(client)
        }
    }

    @Test("A status of any length and in any script is cut, and arrives", arguments: ["é", "x", "\u{1F600}", "\u{0}", "%"])
    func statusMessages(character: String) async throws {
        try await withTransport { path, _, _ in
            let client = try RawConnection(path: path)
            for count in [1, 9000, 40_000] {
                let text = String(repeating: character, count: count)
                let stream = client.open("/s/fail")
                var message = RawConnection.message(text)
                while let piece = message.readSlice(length: min(16384, message.readableBytes)), piece.readableBytes > 0 {
                    client.send(Kind.data, flags: message.readableBytes == 0 ? 1 : 0, stream: stream, piece)
                }
                try client.flush()
                try client.receive { $0.status(stream) != nil }
                #expect(client.status(stream) == 13)
            }
            try Self.lives(client)
        }
    }

    @Test("At the daemon's end the last stream that was taken is named, and answered")
    func drain() async throws {
        try await withTransport { path, transport, calls in
            let client = try RawConnection(path: path)
            try Self.lives(client)
            let held = client.open("/s/hold", ends: true)
            try client.flush()
            try waitUntil { calls.started.count >= 2 }
            transport.beginGracefulShutdown()
            try client.receive { !$0.goneAway.isEmpty }
            #expect(client.goneAway.map(\.lastStream) == [held] && client.goneAway.map(\.code) == [0])
            Task { await calls.held.open() }
            try client.receive { $0.status(held) != nil }
            #expect(client.status(held) == 0)
            #expect(throws: RawConnection.Ended.self) { try client.receive { _ in false } }
        }
    }

    @Test("A client that breaks the protocol is told which streams were taken")
    func brokenProtocol() async throws {
        try await withTransport { path, _, calls in
            let client = try RawConnection(path: path)
            try Self.lives(client)
            let taken = client.open("/s/hold", ends: true)
            try client.flush()
            try waitUntil { calls.started.count >= 2 }
            // A frame of a stream that was never opened: RFC 9113 section 5.1, "idle".
            client.send(Kind.data, stream: taken + 2)
            try client.flush()
            #expect(throws: RawConnection.Ended.self) { try client.receive { _ in false } }
            #expect(client.goneAway.last?.lastStream == taken && client.goneAway.last?.code == 1)
            #expect(client.goneAway.allSatisfy { $0.lastStream >= taken })
            Task { await calls.held.open() }
        }
    }

    @Test("A call that the daemon's end cuts off is UNAVAILABLE, and names no type")
    func stop() async throws {
        try await withTransport(beside: { path in
            let client = try RawConnection(path: path)
            let stream = client.open("/s/hang", ends: true)
            try client.flush()
            try client.receive { $0.status(stream) != nil }
            #expect(client.status(stream) == 14)
            let text = client.answers[stream]?.first { $0.name == "grpc-message" }?.value
            #expect(text?.hasPrefix("the daemon is stopping") == true)
            #expect(client.goneAway.first?.lastStream == stream && client.goneAway.allSatisfy { $0.code == 0 })
            #expect(throws: RawConnection.Ended.self) { try client.receive { _ in false } }
        }) { _, _, calls in
            try waitUntil { calls.started.count != 0 }
        }
    }

    @Test("Connections and streams that come while the daemon stops are no end of its process")
    func stopUnderLoad() async throws {
        let open: @Sendable (String) throws -> Void = { path in
            while true {
                let client: RawConnection
                do { client = try RawConnection(path: path) } catch is RawConnection.Ended { return }
                do {
                    for _ in 0..<50 {
                        for _ in 0..<10 { _ = client.open("/s/echo") }
                        try client.flush()
                    }
                } catch is RawConnection.Ended { continue }
            }
        }
        for round in 1...10 {
            try await withTransport(beside: open) { _, _, calls in
                try waitUntil { calls.started.count >= round * 20 }
            }
        }
    }

    @Test("A client that reads nothing does not keep the daemon from stopping")
    func deaf() async throws {
        var limits = TransportLimits()
        limits.farewell = .milliseconds(10)
        try await withTransport(
            limits,
            beside: { path in
                let client = try RawConnection(path: path)
                for _ in 0..<50 {
                    let stream = client.open("/s/echo")
                    var message = RawConnection.message(String(repeating: "x", count: 60_000))
                    while let piece = message.readSlice(length: min(16384, message.readableBytes)), piece.readableBytes > 0 {
                        client.send(Kind.data, flags: message.readableBytes == 0 ? 1 : 0, stream: stream, piece)
                    }
                }
                // Until it is closed.
                #expect(throws: RawConnection.Ended.self) {
                    while true {
                        try client.flush()
                        client.send(Kind.ping, ByteBuffer(repeating: 7, count: 8))
                        usleep(1000)
                    }
                }
            }
        ) { _, _, calls in
            try waitUntil { calls.started.count >= 50 }
        }
    }
}
