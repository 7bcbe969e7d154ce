import Glibc
import Linux
import Testing

@testable import Cgroups

/// What becomes of a call where systemd does not do its part. That it does it, the integration tests show.
@Suite struct SystemdTests {
    private func failure(_ body: () async throws -> Void) async -> SystemdError? {
        do { try await body() } catch { return error as? SystemdError }
        return nil
    }

    @Test func nobodyIsThere() async throws {
        let systemd = Systemd(sockets: ["/no/such/socket", "/"], usesSystemBus: false, limit: .milliseconds(200))
        guard case .unreachable = await failure({ try await systemd.stop("x.scope") }) else {
            Issue.record("a call without a systemd succeeds")
            return
        }
        // The thread goes on to serve.
        #expect(await failure({ _ = try await systemd.units(["x-*"]) })?.description.contains("cannot be reached") == true)
    }

    @Test func aPeerThatNeverAnswersIsWaitedForNoLongerThanTheLimit() async throws {
        let socket = try ListeningSocket()
        defer { socket.remove() }
        let systemd = Systemd(sockets: [socket.path], usesSystemBus: false, limit: .milliseconds(300))
        async let first = failure { try await systemd.startScope("a.scope", slice: "b.slice", processes: [1], description: "test") }
        async let second = failure { try await systemd.set([UnitProperty("MemoryMax", .number(1))], of: "b.slice") }
        #expect(await first == .timedOut(operation: "starting a.scope"))
        #expect(await second == .timedOut(operation: "changing b.slice"))
    }

    @Test func aConnectionThatBreaksIsMadeAnewOnce() async throws {
        let socket = try ListeningSocket()
        defer { socket.remove() }
        let systemd = Systemd(sockets: [socket.path], usesSystemBus: false, limit: .seconds(20))
        async let failed = failure { try await systemd.stop("a.scope") }
        for _ in 0..<2 { try await BlockingPool.shared.run { try socket.hearAndClose() } }
        #expect(await failed == .disconnected(operation: "stopping a.scope"))
    }

    @Test func errorsSayWhatWasAsked() {
        let refused = SystemdError.refused(operation: "starting a.scope", name: "org.freedesktop.systemd1.UnitExists", message: "it is there")
        #expect(refused.isNamed("UnitExists") && !refused.isNamed("NoSuchUnit") && "\(refused)".contains("starting a.scope: it is there"))
        #expect("\(SystemdError.jobEnded(operation: "starting a.scope", result: "failed"))".contains("'failed'"))
    }
}

/// A Unix socket that clients can connect to.
private struct ListeningSocket: Sendable {
    let path: String
    private let directory: TemporaryTree
    private let descriptor: OwnedDescriptor

    init() throws {
        let directory = try TemporaryTree([:], below: "socket")
        let path = "\(directory.path)/s"
        let descriptor = OwnedDescriptor(try check("socket") { socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0) })
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        try check("bind", path) {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor.raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
        }
        try check("listen", path) { listen(descriptor.raw, 8) }
        (self.path, self.directory, self.descriptor) = (path, directory, descriptor)
    }

    /// Takes a connection, waits for the first word and hangs up.
    func hearAndClose() throws {
        let client = OwnedDescriptor(try check("accept", path) { accept(descriptor.raw, nil, nil) })
        var word = [UInt8](repeating: 0, count: 512)
        try check("read", path) { CInt(read(client.raw, &word, word.count)) }
        client.close()
    }

    func remove() { directory.remove() }
}
