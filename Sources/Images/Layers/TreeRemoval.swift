import Glibc
import Linux

/// Removes trees whose names may be any bytes, and without following links.
enum TreeRemoval {
    /// What is not there is no error.
    static func remove(_ path: String) throws(SystemError) { try remove(Array(path.utf8), in: AT_FDCWD) }

    /// Removes `name` in an open directory, with all that is below it.
    static func remove(_ name: [UInt8], in directory: CInt) throws(SystemError) {
        if name.withCString({ unlinkat(directory, $0, 0) }) == 0 || errno == ENOENT { return }
        let subject = String(decoding: name, as: UTF8.self)
        guard errno == EISDIR || errno == EPERM else { throw SystemError("unlink", subject) }
        try empty(name, in: directory, subject)
        if name.withCString({ unlinkat(directory, $0, AT_REMOVEDIR) }) != 0, errno != ENOENT { throw SystemError("rmdir", subject) }
    }

    private static func empty(_ name: [UInt8], in directory: CInt, _ subject: String) throws(SystemError) {
        let raw = name.withCString { openat(directory, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        if raw < 0, errno == ENOENT { return }
        guard raw >= 0 else { throw SystemError("open", subject) }
        let inside = OwnedDescriptor(raw)
        for entry in try DirectoryEntries.names(of: inside) { try remove(entry, in: inside.raw) }
    }
}

/// The names in a directory as the bytes that they are.
enum DirectoryEntries {
    static func names(of directory: OwnedDescriptor) throws(SystemError) -> [[UInt8]] {
        // The stream takes its descriptor over.
        let own = try check("openat") { openat(directory.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = fdopendir(own) else {
            let code = errno
            close(own)
            throw SystemError("fdopendir", code: code)
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: UInt8.self, capacity: 256) {
                    Array(UnsafeBufferPointer(start: $0, count: strnlen(pointer, 256)))
                }
            }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
        }
        return names
    }
}
