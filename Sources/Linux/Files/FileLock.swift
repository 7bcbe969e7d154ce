import Glibc

/// A lock on a file that one process holds for its life, fcntl(2), "Advisory record locking".
///
/// Of the kernel's locks it is the one that no child gets: those of flock(2) belong to the open file, which a child shares from its making
/// until it executes its program. Killed in that moment, the holder would seem to live on.
public final class FileLock: Sendable {
    let descriptor: OwnedDescriptor

    /// Takes the lock. The file is made where it is absent, and stays. No other descriptor of it may be closed in this process: the kernel
    /// takes that for the lock's end.
    /// - Throws: `SystemError`; `FileLockError` where another process holds it.
    public init(path: String) throws {
        descriptor = try OwnedDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o600)
        var request = flock()
        request.l_type = Int16(F_WRLCK)
        request.l_whence = Int16(SEEK_SET)
        if fcntl(descriptor.raw, F_SETLK, &request) == 0 { return }
        let code = errno
        guard code == EAGAIN || code == EACCES else { throw SystemError("fcntl", code: code, path) }
        var holder = request
        let asked = fcntl(descriptor.raw, F_GETLK, &holder) == 0 && holder.l_type != Int16(F_UNLCK)
        throw FileLockError(path: path, holder: asked ? holder.l_pid : nil)
    }
}

/// A file is locked by another process.
public struct FileLockError: Error, Sendable, Equatable, CustomStringConvertible {
    public let path: String
    /// Its number; nil where it is in another PID namespace, or has let go meanwhile.
    public let holder: Int32?

    public var description: String { "\(path) is locked by \(holder.map { "process \($0)" } ?? "another process")" }
}
