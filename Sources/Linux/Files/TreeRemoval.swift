import Glibc

/// Removes trees of any depth whose names may be any bytes, without following links or leaving the file system that they are in.
/// All calls block.
public enum TreeRemoval {
    /// Removes what is at `path`. What is not there is no error.
    /// - Throws: `SystemError`, with EBUSY where something is mounted inside.
    public static func remove(_ path: String) throws(SystemError) { try remove(Array(path.utf8), in: AT_FDCWD) }

    /// Removes `name` in an open directory, with all that is below it.
    public static func remove(_ name: [UInt8], in directory: CInt) throws(SystemError) {
        if name.withCString({ unlinkat(directory, $0, 0) }) == 0 || errno == ENOENT { return }
        let subject = String(decoding: name, as: UTF8.self)
        guard errno == EISDIR || errno == EPERM else { throw SystemError("unlink", subject) }
        try removeDirectory(name, in: directory, subject)
    }

    private static func removeDirectory(_ name: [UInt8], in directory: CInt, _ subject: String) throws(SystemError) {
        // Most are small and empty before long; the first try also tells a file that may not be removed from a directory.
        if name.withCString({ unlinkat(directory, $0, AT_REMOVEDIR) }) == 0 || errno == ENOENT { return }
        guard errno == ENOTEMPTY || errno == EEXIST else { throw SystemError("rmdir", subject) }
        let raw = name.withCString { openat(directory, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        if raw < 0, errno == ENOENT { return }
        guard raw >= 0 else { throw SystemError("open", subject) }
        do { try empty(OwnedDescriptor(raw)) } catch let error as SystemError { throw error } catch {
            throw SystemError("remove", code: EIO, "\(subject): \(error)")
        }
        if name.withCString({ unlinkat(directory, $0, AT_REMOVEDIR) }) != 0, errno != ENOENT { throw SystemError("rmdir", subject) }
    }

    private static func empty(_ directory: OwnedDescriptor) throws {
        var top = stat()
        try check("fstat") { fstat(directory.raw, &top) }
        try TreeWalk.run(directory, rescans: true) { entry in
            if entry.isDirectory {
                // Another file system is mounted there.
                guard entry.status.st_dev == top.st_dev else { throw SystemError("rmdir", code: EBUSY, entry.text) }
                return true
            }
            if entry.withName({ unlinkat(entry.directory, $0, 0) }) != 0, errno != ENOENT { throw SystemError("unlink", entry.text) }
            return false
        } leave: { entry in
            if entry.withName({ unlinkat(entry.directory, $0, AT_REMOVEDIR) }) != 0, errno != ENOENT { throw SystemError("rmdir", entry.text) }
        }
    }
}
