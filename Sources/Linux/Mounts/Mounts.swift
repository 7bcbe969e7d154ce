import CLinux
import Glibc

/// Makes and ends mounts. All calls can wait: run them on the blocking pool.
public enum Mounts {
    /// Mounts an overlay through fsopen(2), one layer at a time, so that any number of layers fits where mount(2)
    /// would stop at a page of options.
    ///
    /// - Parameters:
    ///   - lower: directories, the topmost first.
    ///   - upper, work: where changes go; both nil for a read-only view.
    ///   - options: more options of the file system, `key=value` or a flag.
    /// - Throws: `SystemError`, with the kernel's own message where it left one.
    public static func overlay(
        lower: [String], upper: String?, work: String?, options: [String] = [], at target: String, readOnly: Bool = false
    ) throws(SystemError) {
        let context = OwnedDescriptor(try check("fsopen", "overlay") { clinux_fsopen("overlay", 1) })
        func set(_ key: String, _ value: String?) throws(SystemError) {
            let command: UInt32 = value == nil ? 0 : 1
            if clinux_fsconfig(context.raw, command, key, value, 0) != 0 {
                throw failure("fsconfig \(key)", context, target)
            }
        }
        try set("source", "overlay")
        for layer in lower { try set("lowerdir+", layer) }
        if let upper { try set("upperdir", upper) }
        if let work { try set("workdir", work) }
        for option in options {
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            try set(parts[0], parts.count > 1 ? parts[1] : nil)
        }
        if clinux_fsconfig(context.raw, 6, nil, nil, 0) != 0 { throw failure("mount overlay", context, target) }
        let attributes: UInt32 = readOnly ? 1 : 0
        let mount = OwnedDescriptor(try check("fsmount", target) { clinux_fsmount(context.raw, 1, attributes) })
        try check("move_mount", target) { clinux_move_mount(mount.raw, "", AT_FDCWD, target, 4) }
    }

    /// The kernel explains a refused mount on the context's descriptor, a line a read.
    private static func failure(_ call: String, _ context: OwnedDescriptor, _ target: String) -> SystemError {
        let code = errno
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = read(context.raw, &buffer, buffer.count)
        let said = count > 2 ? " (\(String(decoding: buffer[2..<count], as: UTF8.self).split(separator: "\n").joined()))" : ""
        return SystemError(call, code: code, target + said)
    }

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
