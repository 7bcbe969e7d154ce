import Glibc
import Linux
import Testing

@testable import CRIService

@Suite struct ServerProbeTests {
    private let path = "/tmp/swiftlet-probe-\(UInt64.random(in: .min ... .max))"

    /// A socket that listens and, where there is an answer, gives it to the first who comes.
    private func listen() throws -> OwnedDescriptor {
        let descriptor = OwnedDescriptor(try check("socket") { socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0) })
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let raw = descriptor.raw
        try check("bind", path) {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
        }
        try check("listen", path) { Glibc.listen(raw, 4) }
        return descriptor
    }

    private func probe(answer: [UInt8]) async throws {
        let socket = try listen()
        defer { unlink(path) }
        async let probing: Void = ServerProbe(socket: path).run(within: .seconds(30))
        try await Poller.shared.readable(socket.raw)
        let client = OwnedDescriptor(try check("accept") { accept(socket.raw, nil, nil) })
        try client.setNonBlocking()
        try await client.writeAll(answer)
        try await probing
    }

    @Test func aServerThatAnswers() async throws { try await probe(answer: [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]) }

    @Test func anotherServer() async throws {
        await #expect(throws: SystemError("probe", code: EPROTO, path)) { try await probe(answer: Array("HTTP/1.1 400 Bad\r\n".utf8)) }
    }

    @Test func oneThatAcceptsAndSaysNothing() async throws {
        let socket = try listen()
        defer {
            unlink(path)
            socket.close()
        }
        await #expect(throws: SystemError("probe", code: ETIMEDOUT, path)) { try await ServerProbe(socket: path).run(within: .milliseconds(50)) }
    }

    @Test func nobody() async {
        await #expect(throws: SystemError.self) { try await ServerProbe(socket: path).run(within: .seconds(30)) }
    }
}
