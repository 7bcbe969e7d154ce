import Glibc
import Linux
import Logging
import OCI
import OCIRuntime

/// Default mounts are copies, as with CRI-O: what a container does to them does nothing to the host's files. Blocks.
struct DefaultMountCopies: Sendable {
    /// In the container's bundle, so that they go with it.
    let directory: String
    let owner: (uid: UInt32, gid: UInt32)
    let logger: Logger

    /// Sources that are not there are passed over.
    /// - Throws: `SystemError`.
    func make(_ entries: [DefaultMounts.Entry]) throws -> [Spec.Mount] {
        var mounts: [Spec.Mount] = []
        for (index, entry) in entries.enumerated() {
            guard access(entry.source, F_OK) == 0 else {
                logger.info("a default mount is not there", metadata: ["source": "\(entry.source)"])
                continue
            }
            try Files.makeDirectories(directory, mode: 0o711)
            let copy = "\(directory)/\(index)"
            try self.copy(entry.source, to: copy, depth: 0)
            mounts.append(.init(destination: entry.destination, type: "bind", source: copy, options: ["bind", "rprivate"]))
        }
        return mounts
    }

    /// Links are followed, as far as they lead somewhere; what is neither file nor directory is left out.
    private func copy(_ source: String, to target: String, depth: Int) throws {
        var status = stat()
        guard stat(source, &status) == 0 else { return }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            guard depth < 64 else { throw SystemError("copy", code: ELOOP, source) }
            try check("mkdir", target) { mkdir(target, 0o700) }
            for name in try Files.list(source) { try copy("\(source)/\(name)", to: "\(target)/\(name)", depth: depth + 1) }
            try check("chmod", target) { chmod(target, status.st_mode & 0o7777) }
        case S_IFREG:
            try Files.writeAtomically(try Files.readBytes(source), to: target, mode: UInt16(status.st_mode & 0o7777))
        default: return
        }
        try check("chown", target) { chown(target, owner.uid, owner.gid) }
    }
}
