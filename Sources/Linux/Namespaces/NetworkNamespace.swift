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
    /// - Returns: a connected, non-blocking TCP socket.
    /// - Throws: `SystemError` with ECONNREFUSED where nothing listens.
    public static func connect(_ path: String?, port: UInt16) async throws -> OwnedDescriptor {
        try await enter(path) {
            do {
                return try connectIPv4(port)
            } catch {
                guard let socket = try? connectIPv6(port) else { throw error }
                return socket
            }
        }
    }

    private static func connectIPv4(_ port: UInt16) throws(SystemError) -> OwnedDescriptor {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return try connectSocket(AF_INET, &address, "127.0.0.1:\(port)")
    }

    private static func connectIPv6(_ port: UInt16) throws(SystemError) -> OwnedDescriptor {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = in6addr_loopback
        return try connectSocket(AF_INET6, &address, "[::1]:\(port)")
    }

    private static func connectSocket<A>(_ family: CInt, _ address: inout A, _ subject: String) throws(SystemError) -> OwnedDescriptor {
        let descriptor = OwnedDescriptor(
            try check("socket") { socket(family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0) })
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor.raw, $0, socklen_t(MemoryLayout<A>.size)) }
        }
        guard result == 0 else { throw SystemError("connect", subject) }
        try descriptor.setNonBlocking()
        return descriptor
    }
}
