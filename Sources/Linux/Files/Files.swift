import Glibc

/// Files and directories, whole and small. All calls can wait: run them on the blocking pool unless the file is the kernel's.
public enum Files {
    /// Reads a file to its end.
    public static func readBytes(_ path: String) throws(SystemError) -> [UInt8] {
        let file = try OwnedDescriptor.open(path, O_RDONLY)
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let size = buffer.count
            let count = read(file.raw, &buffer, size)
            if count == 0 { return all }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError("read", path)
            }
            all.append(contentsOf: buffer[..<count])
        }
    }

    /// Reads a file as UTF-8; other bytes are replaced.
    public static func readText(_ path: String) throws(SystemError) -> String {
        String(decoding: try readBytes(path), as: UTF8.self)
    }

    /// Writes `text` with one write(2) into a file that exists, as the kernel's files want it.
    public static func write(_ text: String, to path: String) throws(SystemError) {
        let file = try OwnedDescriptor.open(path, O_WRONLY | O_TRUNC)
        try writeFully(Array(text.utf8), file, path)
    }

    /// How the names end of files that `writeAtomically` has not finished.
    public static let unfinishedSuffix = ".new"

    /// Writes a file so that a reader, and a node after a crash, sees the old content or the new whole.
    public static func writeAtomically(_ bytes: [UInt8], to path: String, mode: UInt16 = 0o600) throws(SystemError) {
        let temporary = path + unfinishedSuffix
        let file = try OwnedDescriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: mode_t(mode))
        // The process's umask may have taken bits away.
        try check("fchmod", temporary) { fchmod(file.raw, mode_t(mode)) }
        try writeFully(bytes, file, temporary)
        try check("fsync", temporary) { fsync(file.raw) }
        try check("rename", path) { rename(temporary, path) }
    }

    private static func writeFully(_ bytes: [UInt8], _ file: OwnedDescriptor, _ path: String) throws(SystemError) {
        var done = 0
        repeat {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(file.raw, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError("write", path)
            }
            done += count
        } while done < bytes.count
    }

    /// Makes a directory and those above it. One that is there already is left as it is.
    public static func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
        if mkdir(path, mode) == 0 { return }
        let code = errno
        if code == EEXIST, isDirectory(path) { return }
        guard code == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw SystemError("mkdir", code: code, path)
        }
        try makeDirectories(String(path[..<slash]), mode: mode)
        if mkdir(path, mode) != 0, errno != EEXIST { throw SystemError("mkdir", path) }
    }

    /// Removes a file or a whole tree, of any depth, without following links or leaving the file system it starts in.
    /// What is not there is no error.
    public static func removeTree(_ path: String) throws(SystemError) { try TreeRemoval.remove(path) }

    /// Whether something is at `path`, a link that leads nowhere included.
    public static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Whether a directory, not a link to one, is at `path`.
    public static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names in a directory, without `.` and `..`, sorted.
    public static func list(_ directory: String) throws(SystemError) -> [String] {
        guard let stream = opendir(directory) else { throw SystemError("opendir", directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
