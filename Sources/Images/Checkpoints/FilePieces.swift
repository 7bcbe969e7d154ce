import Glibc
import Linux

/// A regular file's content, a piece after the other. For one thread.
final class FilePieces {
    /// Bytes.
    let size: Int64
    private let file: OwnedDescriptor
    private let path: String
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)

    /// - Throws: `SystemError`, with EINVAL for what is no regular file.
    convenience init(_ path: String) throws(SystemError) {
        // A FIFO would wait for its writer.
        try self.init(try OwnedDescriptor.open(path, O_RDONLY | O_NONBLOCK), path)
    }

    init(_ file: OwnedDescriptor, _ path: String) throws(SystemError) {
        var status = stat()
        try check("fstat", path) { fstat(file.raw, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError("read as a regular file", code: EINVAL, path) }
        (self.file, self.path, size) = (file, path, Int64(status.st_size))
    }

    deinit { buffer.deallocate() }

    /// The next piece, valid until the next call; empty at the end.
    func next() throws(SystemError) -> UnsafeRawBufferPointer {
        while true {
            let count = read(file.raw, buffer.baseAddress, buffer.count)
            if count >= 0 { return UnsafeRawBufferPointer(rebasing: buffer[..<count]) }
            guard errno == EINTR else { throw SystemError("read", path) }
        }
    }
}
