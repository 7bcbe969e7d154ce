import CLinux
import Glibc

/// A device node or FIFO of the host.
public struct DeviceFile: Sendable, Equatable {
    /// As mknod(1) and the OCI runtime specification name them.
    public enum Kind: String, Sendable {
        case block = "b"
        case character = "c"
        case fifo = "p"
    }

    public var type: Kind
    public var major: UInt32
    public var minor: UInt32
    /// The permission bits.
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32

    public init(type: Kind, major: UInt32, minor: UInt32, mode: UInt32 = 0o600, uid: UInt32 = 0, gid: UInt32 = 0) {
        self.type = type
        self.major = major
        self.minor = minor
        self.mode = mode
        self.uid = uid
        self.gid = gid
    }

    /// Nil where nothing, or something else, is at `path`.
    public init?(path: String, followingLinks: Bool) {
        var status = stat()
        guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFBLK: type = .block
        case S_IFCHR: type = .character
        case S_IFIFO: type = .fifo
        default: return nil
        }
        major = clinux_major(UInt64(status.st_rdev))
        minor = clinux_minor(UInt64(status.st_rdev))
        mode = status.st_mode & 0o7777
        uid = status.st_uid
        gid = status.st_gid
    }
}
