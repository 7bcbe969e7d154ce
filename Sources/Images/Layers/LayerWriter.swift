import CLinux
import Glibc
import Linux
import OCI

/// Writes an archive's entries into a layer's directory, as overlay wants a lower layer to be. For one thread whose umask
/// is zero.
final class LayerWriter {
    /// What an archive has that no tree can take.
    enum Fault: Error {
        case malformed(String)
        /// An entry or a link leads out of the tree.
        case escapes(entry: String)
    }

    private let tree: LayerTree
    private let readsWhiteouts: Bool
    private var blocks: UInt64 = 0
    /// Directories' times are set last: what is written into them changes them.
    private var directoryTimes: [(path: LayerPath, times: [timespec])] = []

    private static let blockSize: Int64 = 4096

    /// - Parameters:
    ///   - directory: exists.
    ///   - readsWhiteouts: whether names that begin with `.wh.` say what is gone; else they are names like others.
    init(directory: String, readsWhiteouts: Bool = true) throws(SystemError) {
        tree = try LayerTree(directory)
        self.readsWhiteouts = readsWhiteouts
    }

    /// Writes one entry.
    /// - Parameter content: hands out a file's blocks, as ``TarReader/forEachBlock(_:)`` does.
    /// - Throws: ``Fault``, `SystemError`.
    func write(_ entry: TarEntry, content: ((UnsafeRawBufferPointer, Int64) throws -> Void) throws -> Void) throws {
        guard let path = LayerPath(entry.path) else { throw escape(entry.path) }
        do {
            if path.isRoot { return try writeRoot(entry) }
            switch readsWhiteouts ? Whiteout(path.name) : nil {
            case .opaque: try tree.setOpaque(path.parent)
            case .hides(let name): try tree.makeWhiteout(try tree.place(path.parent.appending(name)))
            case .meaningless: break
            case .malformed: throw corrupt("'\(path)' is a whiteout of nothing")
            case nil: try write(entry, path, content)
            }
        } catch let error as SystemError where Self.isArchivesFault(error.code) {
            throw corrupt("entry '\(path)': \(error)")
        }
    }

    /// Sets what had to wait for the last entry.
    /// - Returns: the layer as it is to be recorded.
    func finish(diffID: Digest, boot: String) throws -> LayerRecord {
        try setDirectoryTimes()
        return LayerRecord(
            digest: diffID, bytes: (blocks + tree.inodes) * UInt64(Self.blockSize), inodes: tree.inodes,
            implied: tree.implied.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }, hidesAll: tree.isRootOpaque,
            unsyncedSince: boot)
    }

    /// Sets the times that writing into directories has changed.
    func setDirectoryTimes() throws(SystemError) {
        for (path, times) in directoryTimes.reversed() {
            guard let directory = try tree.existing(path) else { continue }
            try check("futimens", "\(path)") { futimens(directory.raw, times) }
        }
    }

    private func write(_ entry: TarEntry, _ path: LayerPath, _ content: ((UnsafeRawBufferPointer, Int64) throws -> Void) throws -> Void)
        throws
    {
        let place = try tree.place(path)
        switch entry.kind {
        case .file(let size): try writeFile(entry, place, size: size, content)
        case .directory: try writeDirectory(entry, path, place)
        case .symbolicLink(let target): try writeLink(entry, path, place, to: target)
        case .hardLink(let target): try writeHardLink(path, to: target)
        case .node(let type, let major, let minor):
            let device = clinux_makedev(major, minor)
            try tree.create(place, "mknod") { place.withName { mknodat(place.directory, $0, type | entry.mode, dev_t(device)) } }
            try setMetadata(entry, place)
        case .unknown: throw corrupt("entry '\(path)' is of a kind that layers do not have")
        }
    }

    /// Errors of calls that the archive's names and order bring about, not the host.
    private static func isArchivesFault(_ code: CInt) -> Bool {
        [ENOTDIR, ENAMETOOLONG, ELOOP, ENOENT, EINVAL, EILSEQ, EISDIR, EEXIST, EMLINK].contains(code)
    }

    private func corrupt(_ reason: String) -> Fault { .malformed(reason) }

    private func escape(_ path: [UInt8]) -> Fault { .escapes(entry: String(decoding: path, as: UTF8.self)) }
}

// MARK: - Kinds of entries

extension LayerWriter {
    private func writeRoot(_ entry: TarEntry) throws {
        guard entry.kind == .directory else { throw corrupt("the layer's root is no directory") }
        let root = try tree.directory(.root)
        try check("fchown", "/") { fchown(root, entry.owner, entry.group) }
        try check("fchmod", "/") { fchmod(root, entry.mode) }
        try setAttributes(entry) { attribute in
            try check("setxattr \(attribute.name)", "/") { fsetxattr(root, attribute.name, attribute.value, attribute.value.count, 0) }
        }
        tree.describe(.root)
        directoryTimes.append((.root, [entry.accessed, entry.modified]))
    }

    private func writeFile(
        _ entry: TarEntry, _ place: LayerTree.Place, size: Int64, _ content: ((UnsafeRawBufferPointer, Int64) throws -> Void) throws -> Void
    ) throws {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let file = OwnedDescriptor(
            try tree.create(place, "open") { place.withName { openat(place.directory, $0, flags, entry.mode) } })
        let subject = String(decoding: place.name, as: UTF8.self)
        var (end, written) = (Int64(0), Int64(0))
        try content { block, offset in
            try writeFully(block, file.raw, at: offset, subject)
            end = offset + Int64(block.count)
            written += Int64(block.count)
        }
        blocks += UInt64((written + Self.blockSize - 1) / Self.blockSize)
        if end < size { try check("ftruncate", subject) { ftruncate(file.raw, Int(size)) } }
        try check("fchown", subject) { fchown(file.raw, entry.owner, entry.group) }
        // A change of owner takes these bits away.
        if entry.mode & (S_ISUID | S_ISGID) != 0 { try check("fchmod", subject) { fchmod(file.raw, entry.mode) } }
        // After the owner, whose change would take file capabilities away.
        try setAttributes(entry) { attribute in
            try check("setxattr \(attribute.name)", subject) {
                fsetxattr(file.raw, attribute.name, attribute.value, attribute.value.count, 0)
            }
        }
        try check("futimens", subject) { futimens(file.raw, [entry.accessed, entry.modified]) }
    }

    private func writeFully(_ block: UnsafeRawBufferPointer, _ file: CInt, at offset: Int64, _ subject: String) throws(SystemError) {
        var done = 0
        while done < block.count {
            let count = pwrite(file, block.baseAddress?.advanced(by: done), block.count - done, Int(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError("write", subject)
            }
            done += count
        }
    }

    private func writeDirectory(_ entry: TarEntry, _ path: LayerPath, _ place: LayerTree.Place) throws {
        try tree.makeDirectory(place, mode: entry.mode)
        tree.describe(path)
        try setMetadata(entry, place)
        directoryTimes.append((path, [entry.accessed, entry.modified]))
    }

    /// A link may lead anywhere in the container, where the kernel stops it at the root; one whose text climbs higher than
    /// that is refused, as the containers tools do.
    private func writeLink(_ entry: TarEntry, _ path: LayerPath, _ place: LayerTree.Place, to target: [UInt8]) throws {
        guard LayerPath(target, from: path.parent) != nil else { throw escape(entry.path) }
        try tree.create(place, "symlink") { target.withCString { target in place.withName { symlinkat(target, place.directory, $0) } } }
        try setMetadata(entry, place)
    }

    private func writeHardLink(_ path: LayerPath, to text: [UInt8]) throws {
        guard let target = LayerPath(text), !target.isRoot else { throw escape(text) }
        guard target != path else { throw corrupt("'\(path)' is a hard link to itself") }
        let source = try tree.place(target)
        guard source.status() != nil else {
            throw corrupt("'\(path)' is a hard link to '\(target)', which is not in the layer before it")
        }
        // The tree keeps only its last place open for sure.
        let kept = OwnedDescriptor(try check("dup") { fcntl(source.directory, F_DUPFD_CLOEXEC, 0) })
        let place = try tree.place(path)
        try tree.create(place, "link", inode: false) {
            source.withName { name in place.withName { linkat(kept.raw, name, place.directory, $0, 0) } }
        }
    }
}

// MARK: - Metadata

extension LayerWriter {
    /// Owner, permissions, attributes and, but for directories, times of what is at `place`.
    private func setMetadata(_ entry: TarEntry, _ place: LayerTree.Place) throws {
        let subject = String(decoding: place.name, as: UTF8.self)
        let (directory, flags) = (place.directory, AT_SYMLINK_NOFOLLOW)
        try place.withName { name in
            try check("fchownat", subject) { fchownat(directory, name, entry.owner, entry.group, flags) }
            if case .symbolicLink = entry.kind {} else { try check("fchmodat", subject) { fchmodat(directory, name, entry.mode, 0) } }
            try setAttributes(entry) { attribute in try tree.setAttribute(attribute, at: place) }
            if entry.kind != .directory {
                try check("utimensat", subject) { utimensat(directory, name, [entry.accessed, entry.modified], flags) }
            }
        }
    }

    /// Sets the attributes that are the image's to set. One that the file system or the kind of file does not take is left
    /// out, unless programs depend on it.
    private func setAttributes(_ entry: TarEntry, _ set: (TarEntry.Attribute) throws -> Void) throws {
        for attribute in entry.attributes where attribute.isAllowed {
            do {
                try set(attribute)
            } catch let error as SystemError {
                guard !attribute.isVital, [ENOTSUP, EPERM, EINVAL].contains(error.code) else { throw error }
            }
        }
    }
}
