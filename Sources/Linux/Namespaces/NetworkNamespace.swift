import CLinux
import Glibc

/// Work inside of a network namespace.
public enum NetworkNamespace {
    /// Runs `body` on a thread of its own that has entered the namespace. The thread is not used again.
    /// - Parameter path: the namespace's file; nil for the host's.
    /// - Throws: `SystemError`, and what the body throws.
    public static func enter<R: Sendable>(_ path: String?, _ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            startThread(named: "netns") {
                continuation.resume(
                    with: Result {
                        if let path {
                            let namespace = try OwnedDescriptor.open(path, O_RDONLY)
                            try check("setns", path) { clinux_setns(namespace.raw, 0x4000_0000) }
                        }
                        return try body()
                    })
            }
        }
    }

    /// Connects to a port on a namespace's loopback: by IPv4, and where that is refused by IPv6.
    /// - Parameter path: the namespace's file; nil for the host's.
    /// - Returns: a connected, non-blocking TCP socket.
    /// - Throws: `SystemError` with ECONNREFUSED where nothing listens; `CancellationError`.
    public static func connect(_ path: String?, port: UInt16) async throws -> OwnedDescriptor {
        // A socket stays in the namespace it was made in, whoever uses it.
        let sockets = try await enter(path) { (try makeSocket(AF_INET), try? makeSocket(AF_INET6)) }
        do {
            try await connect(sockets.0, LoopbackAddress.four(port), "127.0.0.1:\(port)")
            return sockets.0
        } catch let error as SystemError {
            guard let six = sockets.1 else { throw error }
            do { try await connect(six, LoopbackAddress.six(port), "[::1]:\(port)") } catch is SystemError { throw error }
            return six
        }
    }

    private static func makeSocket(_ family: CInt) throws(SystemError) -> OwnedDescriptor {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        return OwnedDescriptor(try check("socket") { socket(family, type, 0) })
    }

    private static func connect(_ descriptor: OwnedDescriptor, _ address: LoopbackAddress, _ subject: String) async throws {
        if address.withSocketAddress({ Glibc.connect(descriptor.raw, $0, $1) }) == 0 { return }
        guard errno == EINPROGRESS else { throw SystemError("connect", subject) }
        try await Poller.shared.writable(descriptor.raw)
        var failure: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        try check("getsockopt", subject) { getsockopt(descriptor.raw, SOL_SOCKET, SO_ERROR, &failure, &size) }
        guard failure == 0 else { throw SystemError("connect", code: failure, subject) }
    }
}

/// A port of the loopback interface.
private enum LoopbackAddress: Sendable {
    case four(UInt16)
    case six(UInt16)

    func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        switch self {
        case .four(let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            return Self.rebound(&address, body)
        case .six(let port):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_addr = in6addr_loopback
            return Self.rebound(&address, body)
        }
    }

    private static func rebound<A, R>(_ address: inout A, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<A>.size)) }
        }
    }
}
