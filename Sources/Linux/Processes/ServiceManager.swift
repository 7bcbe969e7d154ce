import Glibc

/// The service manager that started this process, as far as it wants to hear of its state: sd_notify(3), by its own protocol, a datagram of
/// `KEY=VALUE` lines.
public struct ServiceManager: Sendable {
    private let socket: String
    /// How often it wants a sign of life; nil where it does not watch.
    public let watchdog: Duration?

    /// Nil where nobody wants to know.
    /// - Parameter environment: This process's; `NOTIFY_SOCKET` is a path, or a name in the abstract namespace that begins with `@`.
    public init?(environment: [String: String], pid: Int32 = getpid()) {
        guard let socket = environment["NOTIFY_SOCKET"], socket.hasPrefix("/") || socket.hasPrefix("@"), socket.utf8.count > 1 else { return nil }
        self.socket = socket
        // Variables of another process that this one inherited are not meant for it: sd_watchdog_enabled(3).
        let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(pid)" } ?? true
        watchdog = isMeant ? environment["WATCHDOG_USEC"].flatMap { Int64($0) }.flatMap { $0 > 0 ? .microseconds($0) : nil } : nil
    }

    /// What there is to tell.
    public enum State: Sendable, Equatable {
        /// It serves. Also the end of `reloading`.
        case ready
        /// It reads its configuration anew; `ready` follows.
        case reloading
        case stopping
        /// It is alive.
        case watchdog
        /// For people, one line.
        case status(String)

        /// The datagram's text.
        func text(monotonicMicroseconds: UInt64) -> String {
            switch self {
            case .ready: "READY=1"
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(monotonicMicroseconds)"
            case .stopping: "STOPPING=1"
            case .watchdog: "WATCHDOG=1"
            case .status(let text): "STATUS=\(text.split(whereSeparator: \.isNewline).joined(separator: " "))"
            }
        }
    }

    /// Tells of a state. It does not wait: a manager that does not read misses it.
    /// - Throws: `SystemError`.
    public func tell(_ states: State...) throws(SystemError) {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let now = UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
        let text = states.map { $0.text(monotonicMicroseconds: now) }.joined(separator: "\n")
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(socket.utf8)
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { throw SystemError("sendto", code: ENAMETOOLONG, socket) }
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: name)
            // An abstract name begins with a zero byte, unix(7), and has no other at its end.
            if name.first == UInt8(ascii: "@") { path[0] = 0 }
        }
        let descriptor = OwnedDescriptor(
            try check("socket") { Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0) })
        let length = socklen_t(offset + name.count)
        let bytes = Array(text.utf8)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor.raw, bytes, bytes.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT), $0, length)
            }
        }
        guard sent == bytes.count else { throw SystemError("sendto", socket) }
    }
}
