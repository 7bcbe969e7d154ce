import CLinux
import Glibc

/// Makes and ends mounts. All calls can wait: run them on the blocking pool.
public enum Mounts {
    /// Binds `source` at `target`, both existing.
    public static func bind(
        _ source: String, at target: String, recursive: Bool = false, readOnly: Bool = false
    ) throws(SystemError) {
        let flags = UInt(MS_BIND) | (recursive ? UInt(MS_REC) : 0)
        try check("mount", "\(source) at \(target)") { mount(source, target, nil, flags, nil) }
        guard readOnly else { return }
        do {
            try check("mount_setattr", target) {
                clinux_mount_setattr(AT_FDCWD, target, recursive ? 0x8000 : 0, 1, 0, 0, 0)
            }
        } catch {
            try? unmount(target)
            throw error
        }
    }

    /// Mounts a tmpfs; `options` as in tmpfs(5), `size=64m,mode=1777` for example.
    public static func tmpfs(at target: String, options: String) throws(SystemError) {
        let flags = UInt(MS_NOSUID) | UInt(MS_NODEV) | UInt(MS_NOEXEC)
        try check("mount", "tmpfs at \(target)") { mount("tmpfs", target, "tmpfs", flags, options) }
    }

    /// Sets how mounts below `target` pass to and from its peers (MS_PRIVATE, MS_SHARED, …).
    public static func setPropagation(_ flag: UInt, at target: String) throws(SystemError) {
        try check("mount", "propagation of \(target)") { mount(nil, target, nil, flag, nil) }
    }

    /// Ends the topmost mount at `path`. What is no mount, or is not there, is no error.
    public static func unmount(_ path: String, lazily: Bool = true) throws(SystemError) {
        let flags = CInt(UMOUNT_NOFOLLOW) | (lazily ? CInt(MNT_DETACH) : 0)
        if umount2(path, flags) != 0, errno != EINVAL, errno != ENOENT { throw SystemError("umount", path) }
    }

    /// Ends every mount at or below `path`, the deepest first.
    public static func unmountAll(below path: String) throws {
        let inside = try MountTable.read().map(\.mountPoint).filter { $0 == path || $0.hasPrefix(path + "/") }
        for point in inside.reversed() { try unmount(point) }
    }

    /// Whether this kernel can make a mount read-only with all that lies below it, mount_setattr(2). A call that changes nothing shows it.
    public static var canChangeRecursively: Bool { clinux_mount_setattr(AT_FDCWD, "/", 0x8000, 0, 0, 0, 0) == 0 }
}
