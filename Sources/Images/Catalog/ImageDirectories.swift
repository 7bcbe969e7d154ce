import CLinux
import Glibc
import Linux
import OCI

/// Where things are below the images' root, and the moves between there. All calls can wait.
///
/// A layer's directory appears whole, by a rename out of `temporary`, and leaves whole, by a rename into `trash`.
struct ImageDirectories: Sendable {
    let root: String
    let runRoot: String

    var layers: String { "\(root)/layers" }
    /// Manifests and configurations, as they came.
    var documents: String { "\(root)/documents" }
    /// Layers that are being unpacked.
    var temporary: String { "\(root)/temporary" }
    /// What is about to be removed.
    var trash: String { "\(root)/trash" }
    /// A lower layer for images that have none.
    var empty: String { "\(root)/empty" }
    /// What containers write.
    var changes: String { "\(root)/containers" }
    /// Where containers' root file systems are mounted.
    var mounts: String { "\(runRoot)/rootfs" }

    func layer(_ digest: Digest) -> String { "\(layers)/\(digest.hex)" }
    func document(_ digest: Digest) -> String { "\(documents)/\(digest.hex)" }

    /// Where the file system is mounted that holds layers and what containers write. This, and not a directory in it, is what a
    /// kubelet finds among the file systems that it knows.
    /// - Throws: `SystemError`.
    func mountPoint() throws(SystemError) -> String {
        guard let resolved = realpath(root, nil) else { throw SystemError("realpath", root) }
        defer { free(resolved) }
        return try MountTable.mountPoint(of: String(cString: resolved))
    }

    /// A directory for a layer to be, whose name nobody has.
    func temporaryName() -> String { "\(temporary)/\(Self.anyName())" }

    private static func anyName() -> String { String(UInt64.random(in: 0...UInt64.max), radix: 36) }

    /// Makes what is missing and takes away what was being unpacked at a crash.
    /// - Returns: the layers that are there.
    func open() throws -> Set<Digest> {
        for directory in [layers, documents, temporary, trash, empty, changes, mounts] {
            try Files.makeDirectories(directory)
            // A root file system is reached by its container's user; the rest, with its setuid programs, by nobody but root.
            let mode: mode_t = directory == mounts ? 0o711 : directory == empty ? 0o755 : 0o700
            try check("chmod", directory) { chmod(directory, mode) }
        }
        for name in try Files.list(temporary) { try discard("\(temporary)/\(name)") }
        spreadTrees(in: temporary)
        return Set(try Files.list(layers).compactMap { Digest(hex: $0) })
    }

    /// Tells ext4 that what is in a directory are trees that have nothing to do with each other (chattr(1), +T), so that it
    /// puts each elsewhere: the search for free inodes near many others, just removed perhaps, can take seconds of a pull.
    /// Other file systems refuse, and do not need it.
    private func spreadTrees(in directory: String) {
        guard let file = try? OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY) else { return }
        let (getFlags, setFlags, topOfTrees): (UInt, UInt, CLong) = (0x8008_6601, 0x4008_6602, 0x0002_0000)
        var flags: CLong = 0
        guard ioctl(file.raw, getFlags, &flags) == 0 else { return }
        flags |= topOfTrees
        _ = ioctl(file.raw, setFlags, &flags)
    }

    /// Takes away the layers and documents that are not named.
    func discard(notIn known: Set<Digest>, documents needed: Set<String>) throws {
        for name in try Files.list(layers) where !(Digest(hex: name).map(known.contains) ?? false) { try discard("\(layers)/\(name)") }
        for name in try Files.list(documents) where !needed.contains("sha256:\(name)") { try Files.removeTree("\(documents)/\(name)") }
    }

    func discard(layers: [Digest], documents: Set<String>) throws {
        for digest in layers { try discard(layer(digest)) }
        for digest in documents.compactMap({ Digest($0) }) { try Files.removeTree(document(digest)) }
    }

    /// Takes a directory out of sight, at once however large it is; on a disk without room for its new name, by removing it.
    func discard(_ path: String) throws {
        guard rename(path, "\(trash)/\(Self.anyName())") != 0, errno != ENOENT else { return }
        guard errno == ENOSPC || errno == EDQUOT else { throw SystemError("rename", path) }
        try TreeRemoval.remove(path)
    }

    /// Makes a finished directory a layer.
    func commit(_ directory: String, as digest: Digest) throws {
        let target = layer(digest)
        // One that is in the way has no record: a pull died between its rename and its record.
        if Files.exists(target) { try discard(target) }
        try check("rename", target) { rename(directory, target) }
    }

    /// Waits until everything in the file system is on disk.
    func sync() throws {
        let file = try OwnedDescriptor.open(layers, O_RDONLY | O_DIRECTORY)
        try check("syncfs", layers) { clinux_syncfs(file.raw) }
    }

    /// Removes what was discarded by now. Not for two at a time. What cannot be removed does not keep the rest.
    /// - Throws: the first failure, after all was tried.
    func emptyTrash() throws {
        var failure: SystemError?
        for name in try Files.list(trash) {
            do { try TreeRemoval.remove("\(trash)/\(name)") } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }
}
