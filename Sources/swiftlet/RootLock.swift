import Glibc
import Linux

/// Keeps a second daemon off the same root, as long as this one lives.
struct RootLock {
    private let lock: FileLock

    /// - Throws: `AssemblyError` where another daemon has the root.
    init(root: String) throws {
        try Files.makeDirectories(root, mode: 0o711)
        do { lock = try FileLock(path: "\(root)/lock") } catch let error as FileLockError {
            let holder = error.holder.map { ", process \($0)," } ?? ""
            throw AssemblyError(description: "another swiftlet\(holder) uses the root \(root): stop it, or give this one another --root")
        }
    }
}

/// The CRI's socket. It is made beside its name and renamed when it is served, so that who connects is answered, and so that
/// a stale one is replaced.
struct ListenSocket {
    let path: String
    var temporaryPath: String { path + ".new" }

    init(path: String) throws {
        self.path = path
        guard temporaryPath.utf8.count < 108 else {
            throw AssemblyError(description: "the socket's path \(path) is too long: a Unix socket's name has 103 bytes at the most here")
        }
        if let slash = path.lastIndex(of: "/") { try Files.makeDirectories(String(path[..<slash]), mode: 0o755) }
        unlink(temporaryPath)
    }

    func publish() throws {
        try check("chmod", temporaryPath) { chmod(temporaryPath, 0o660) }
        try check("rename", path) { rename(temporaryPath, path) }
    }

    func remove() { unlink(path) }
}
