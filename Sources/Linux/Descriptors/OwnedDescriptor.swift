import CLinux
import Glibc
import Synchronization

/// Owns a file descriptor and closes it once: when told to, or when the last reference goes.
public final class OwnedDescriptor: Sendable {
    private let value: Mutex<CInt>

    /// Takes over `raw`, which nobody else may close from now on.
    public init(_ raw: CInt) { value = Mutex(raw) }

    deinit { close() }

    /// The descriptor's number, or -1 once it is closed or released.
    public var raw: CInt { value.withLock { $0 } }

    /// Closes the descriptor. A second call does nothing.
    public func close() {
        let fd = release()
        if fd >= 0 { _ = Glibc.close(fd) }
    }

    /// Gives the descriptor away: the caller closes it.
    public func release() -> CInt {
        value.withLock { fd in
            defer { fd = -1 }
            return fd
        }
    }

    /// Opens `path`; the descriptor is closed on exec.
    /// - Throws: `SystemError`.
    public static func open(_ path: String, _ flags: CInt, mode: mode_t = 0o600) throws(SystemError) -> OwnedDescriptor {
        OwnedDescriptor(try check("open", path) { Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// Makes reads and writes answer EAGAIN where they would wait.
    public func setNonBlocking() throws(SystemError) {
        let fd = raw
        let flags = try check("fcntl") { fcntl(fd, F_GETFL) }
        try check("fcntl") { fcntl(fd, F_SETFL, flags | O_NONBLOCK) }
    }
}

/// A pipe; both ends block and are closed on exec.
/// - Throws: `SystemError`.
public func makePipe() throws(SystemError) -> (read: OwnedDescriptor, write: OwnedDescriptor) {
    var ends: [CInt] = [-1, -1]
    try check("pipe2") { clinux_pipe(&ends) }
    return (OwnedDescriptor(ends[0]), OwnedDescriptor(ends[1]))
}

extension OwnedDescriptor {
    /// Reads what is there, waiting for at least a byte: up to `upTo` bytes, none at the end of the file.
    /// The descriptor is non-blocking. A terminal whose other side is gone reads as ended.
    /// - Throws: `SystemError`, `CancellationError`.
    public func readChunk(upTo: Int = 65536) async throws -> [UInt8] {
        while true {
            // A writer that never pauses would hold up a cancelled reader for ever.
            try Task.checkCancellation()
            let fd = raw
            var failure: CInt = 0
            let chunk = [UInt8](unsafeUninitializedCapacity: upTo) { buffer, count in
                let got = Glibc.read(fd, buffer.baseAddress, upTo)
                count = max(0, got)
                failure = got < 0 ? errno : 0
            }
            switch failure {
            case 0, EIO: return chunk
            case EAGAIN: try await Poller.shared.readable(fd)
            case EINTR: continue
            default: throw SystemError("read", code: failure)
            }
        }
    }

    /// Reads to the end of the file. What comes after `limit` bytes is read and dropped, so that the writer is not held up.
    public func readAll(limit: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let chunk = try await readChunk()
            if chunk.isEmpty { return all }
            if all.count < limit { all.append(contentsOf: chunk.prefix(limit - all.count)) }
        }
    }

    /// Writes all of `bytes`, waiting while the reader is slow. The descriptor is non-blocking.
    /// The process ignores SIGPIPE from then on: a reader that has gone is an error, not the writer's end.
    public func writeAll(_ bytes: [UInt8]) async throws {
        brokenPipesAreErrors
        var rest = bytes[...]
        while !rest.isEmpty {
            let fd = raw
            let written = rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if written >= 0 {
                rest = rest.dropFirst(written)
                continue
            }
            let code = errno
            switch code {
            case EAGAIN: try await Poller.shared.writable(fd)
            case EINTR: continue
            default: throw SystemError("write", code: code)
            }
        }
    }
}

/// Set once, when first something is written that may have lost its reader. Programs that are started get the default back.
private let brokenPipesAreErrors: Void = { _ = signal(SIGPIPE, SIG_IGN) }()
