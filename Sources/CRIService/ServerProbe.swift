import Glibc
import Linux

/// Whether the server of a socket answers: a client that connects gets the server's SETTINGS frame, RFC 9113, section 3.4.
public struct ServerProbe: Sendable {
    private let socket: String

    /// - Parameter socket: A Unix socket's path.
    public init(socket: String) { self.socket = socket }

    /// The client's preface and its SETTINGS frame, an empty one: length 0, type 4, no flags, stream 0.
    private static let hello = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

    /// Connects, and waits for the answer.
    /// - Throws: `SystemError` where nobody listens, with EPROTO for another answer and ETIMEDOUT for none within `limit`.
    public func run(within limit: Duration) async throws {
        let descriptor = try connect()
        do {
            try await withTimeout(limit) { [socket] in
                try await descriptor.writeAll(Self.hello)
                let answer = try await descriptor.readChunk(upTo: 64)
                guard answer.count >= 9, answer[3] == 4 else { throw SystemError("probe", code: EPROTO, socket) }
            }
        } catch is OutOfTime { throw SystemError("probe", code: ETIMEDOUT, socket) }
    }

    private func connect() throws(SystemError) -> OwnedDescriptor {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(socket.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { throw SystemError("connect", code: ENAMETOOLONG, socket) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = OwnedDescriptor(try check("socket") { Glibc.socket(AF_UNIX, type, 0) })
        // Of Unix sockets it is done at once, or refused.
        try check("connect", socket) {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor.raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        return descriptor
    }
}
