import Glibc
import Linux

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
