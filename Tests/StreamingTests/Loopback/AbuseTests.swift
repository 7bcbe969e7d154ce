import NIOCore
import StreamingClient
import Testing

@testable import Streaming

@Suite("Clients that mean ill, or nothing", .timeLimit(.minutes(2))) struct AbuseTests {
    private let command = RemoteCommand(containerID: "c", command: ["cat"], streams: .all)

    @Test("a client that says nothing is cut off") func silent() async throws {
        var options = StreamingOptions()
        options.limits.handshakeTimeout = .milliseconds(200)
        try await withServer(.cat, options) { server in
            try await ClientConnection.with(port: server.testPort) { connection in
                let answer = try await connection.receive()
                #expect(answer == nil)
            }
            try await ClientConnection.with(port: server.testPort) {
                try await $0.send(ByteBuffer(string: "POST /exec/x HTTP/1.1\r\nHost"))
                #expect(try await $0.receive() == nil)
            }
        }
    }

    @Test("what is no HTTP is refused") func noHTTP() async throws {
        try await withServer(.cat) { server in
            try await ClientConnection.with(port: server.testPort) {
                try await $0.send(ByteBuffer(bytes: [0x16, 3, 1, 0, 200, 1, 0, 0]))
                let answer = try await $0.receive()
                #expect(answer.map { String(buffer: $0).hasPrefix("HTTP/1.1 400 ") } ?? true)
            }
        }
    }

    @Test("endless heads of requests are refused") func endlessHead() async throws {
        try await withServer(.cat) { server in
            try await ClientConnection.with(port: server.testPort) { connection in
                var sent = 0
                do {
                    try await connection.send(ByteBuffer(string: "GET /"))
                    while sent < 64 << 20 {
                        try await connection.send(ByteBuffer(repeating: 97, count: 1 << 16))
                        sent += 1 << 16
                    }
                } catch {}
                #expect(sent < 32 << 20)
            }
        }
    }

    @Test("a URL is good once, and not for others") func once() async throws {
        try await withServer(.cat) { server in
            let url = try server.execURL(command)
            try await SPDYClient.with(url, "v4.channel.k8s.io") { _ in }
            await #expect(throws: ClientConnection.Refused.self) {
                try await SPDYClient.with(url, "v4.channel.k8s.io") { _ in }
            }
            let other = try server.execURL(command).replacing("/exec/", with: "/attach/")
            await #expect(throws: ClientConnection.Refused.self) {
                try await SPDYClient.with(other, "v4.channel.k8s.io") { _ in }
            }
        }
    }

    @Test("broken SPDY ends the connection with a GOAWAY, and nothing else happens", arguments: 0..<5) func brokenSPDY(number: Int) async throws {
        var bytes = SPDYBytes()
        switch number {
        case 0: bytes.control(version: 2, type: 1, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        case 1: bytes.control(type: 1, length: 0xff_ffff, [])
        case 2: bytes.control(type: 1, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5])
        case 3: bytes.control(type: 1, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + bytes.compress(ByteBuffer(repeating: 0, count: 4 << 20)))
        default: bytes.open(2)
        }
        let frames = bytes.take()
        try await withServer(.cat) { server in
            let url = try server.execURL(command)
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                try await client.connection.send(frames)
                #expect(try await client.receive { _ in false } == false)
                #expect(client.received.goAway == 1)
            }
        }
    }

    @Test("an idle connection is closed and its session ended") func idle() async throws {
        let cancelled = Flag()
        let backend = FakeBackend(onExec: { _, _ in
            do { try await Task.sleep(for: .seconds(100)) } catch { await cancelled.set() }
            return 0
        })
        try await withServer(backend, StreamingOptions(idleTimeout: .milliseconds(300))) { server in
            let url = try server.execURL(RemoteCommand(containerID: "c", command: [], streams: .output))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                _ = try await client.open(.error)
                _ = try await client.open(.stdout)
                #expect(try await client.receive { _ in false } == false)
            }
            await cancelled.wait()
        }
    }

    @Test("there are no more connections than the limit") func connections() async throws {
        var options = StreamingOptions()
        options.limits.connections = 1
        try await withServer(.cat, options) { server in
            let (first, second) = (try server.execURL(command), try server.execURL(command))
            try await SPDYClient.with(first, "v4.channel.k8s.io") { _ in
                try await ClientConnection.with(port: server.testPort) { connection in
                    let answer = try await connection.receive()
                    #expect(answer == nil)
                }
            }
            for _ in 0..<100 {
                if (try? await SPDYClient.with(second, "v4.channel.k8s.io", { _ in })) != nil { return }
                try await Task.sleep(for: .milliseconds(20))
            }
            Issue.record("the first connection's place is not given back")
        }
    }

    @Test("shutting down ends sessions") func shutdown() async throws {
        let (started, cancelled) = (Flag(), Flag())
        let backend = FakeBackend(onExec: { _, _ in
            await started.set()
            do { try await Task.sleep(for: .seconds(100)) } catch { await cancelled.set() }
            return 0
        })
        try await withServer(backend) { server in
            let url = try server.execURL(RemoteCommand(containerID: "c", command: [], streams: .output))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { client in
                _ = try await client.open(.error)
                _ = try await client.open(.stdout)
                await started.wait()
                await server.shutdown()
                await cancelled.wait()
                #expect(throws: StreamingError.notListening) { try server.execURL(command) }
            }
        }
    }
}
