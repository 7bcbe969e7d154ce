import CLinux
import Glibc
import Linux

/// Where the host's root lies for a daemon that runs in a container (`bind_mount_prefix`).
public enum HostPrefix {
    /// O_PATH, which the C library's overlay does not name.
    private static let path: UInt64 = 0x200000

    /// A path of the host below the prefix, its links followed as if the prefix were the root. Blocks.
    public static func resolve(_ path: String, below prefix: String) throws -> String {
        let root = try OwnedDescriptor.open(prefix, O_RDONLY | O_DIRECTORY)
        let raw = clinux_openat2(root.raw, path, Self.path | UInt64(O_CLOEXEC), 0, UInt64(0x10))
        // What is not there is made.
        guard raw >= 0 else { return prefix + path }
        let found = OwnedDescriptor(raw)
        guard let resolved = realpath("/proc/self/fd/\(found.raw)", nil) else { throw SystemError("realpath", path) }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
