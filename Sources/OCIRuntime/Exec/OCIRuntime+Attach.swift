import Glibc
import Linux

/// A connection to a container's own streams, through its monitor. Descriptors are non-blocking.
public struct AttachSession: Sendable {
    /// conmon's socket: a packet's first byte names the stream (2 stdout, 3 stderr); what is written goes to stdin.
    public let socket: OwnedDescriptor
    private let control: String

    init(socket: OwnedDescriptor, control: String) {
        self.socket = socket
        self.control = control
    }

    /// Gives the container's terminal another size.
    public func resize(rows: UInt16, columns: UInt16) {
        try? MonitorControl.send("1 \(rows) \(columns)\n", to: control)
    }

    /// The most bytes that conmon puts into a packet, with the first one: its STDIO_BUF_SIZE and one.
    public static let packetSize = 8193

    /// The most bytes of input to send in one packet: conmon reads that many at a time, and what a packet has beyond is lost.
    public static let inputSize = 32 << 10

    /// The streams of conmon's packets.
    public enum Stream: UInt8, Sendable {
        case stdout = 2
        case stderr = 3
    }
}

/// Lines for conmon's control FIFO.
enum MonitorControl {
    static func send(_ line: String, to path: String) throws {
        // Without a reader the open fails instead of waiting: then there is no monitor any more.
        let fifo = try OwnedDescriptor.open(path, O_WRONLY | O_NONBLOCK)
        let bytes = Array(line.utf8)
        try check("write", path) { CInt(write(fifo.raw, bytes, bytes.count)) }
    }
}

extension OCIRuntime {
    /// Connects to a container's streams.
    /// - Throws: `SystemError` where there is no monitor.
    public func attach(bundle: String) async throws -> AttachSession {
        let files = MonitorFiles(bundle: bundle)
        return try await BlockingPool.shared.run {
            let directory = try OwnedDescriptor.open(bundle, O_DIRECTORY | O_RDONLY)
            // A socket's name has 107 bytes; by the directory's descriptor any depth is reached.
            let descriptor = OwnedDescriptor(
                try check("socket") { socket(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0) })
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let path = Array("/proc/self/fd/\(directory.raw)/attach".utf8)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
            try withUnsafePointer(to: &address) { pointer in
                try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                    _ = try check("connect", files.attachSocket) {
                        connect(descriptor.raw, raw, socklen_t(MemoryLayout<sockaddr_un>.size))
                    }
                }
            }
            try descriptor.setNonBlocking()
            return AttachSession(socket: descriptor, control: files.control)
        }
    }

    /// Has the monitor open the log anew, after it was moved away, and waits until the new file is there.
    /// - Throws: `RuntimeError.monitorFailed`, `SystemError`.
    public func reopenLog(_ id: String, bundle: String, logPath: String) async throws {
        try await BlockingPool.shared.run { try MonitorControl.send("2 0 0\n", to: MonitorFiles(bundle: bundle).control) }
        guard !logPath.isEmpty else { return }
        for _ in 0..<500 {
            if Files.exists(logPath) { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw RuntimeError.monitorFailed(container: id, message: "it did not open \(logPath) anew within 5 s")
    }
}
