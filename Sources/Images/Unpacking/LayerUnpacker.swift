import CArchive
import CLinux
import Glibc
import Linux
import OCI

/// Unpacks one layer's archive into a directory, with whiteouts in overlay's own form. For one thread, which has a umask of
/// zero to itself.
final class LayerUnpacker {
    private let layer: Digest
    private let root: LayerRoot
    /// Directories' times are set last: what is unpacked into them changes them.
    private var directoryTimes: [(path: ArchivePath, times: [timespec])] = []
    private(set) var bytes: UInt64 = 0
    private(set) var inodes: UInt64 = 0

    init(layer: Digest, into path: String) throws {
        self.layer = layer
        root = try LayerRoot(path)
    }

    /// Unpacks all entries.
    /// - Throws: `ImageError`.
    func unpack(_ reader: ArchiveReader) throws {
        do {
            while let entry = try reader.nextEntry() { try unpack(entry, reader) }
        } catch let error as ArchiveReader.Malformed {
            throw ImageError.corrupt(layer: layer, reason: error.description)
        }
        for (path, times) in directoryTimes.reversed() {
            let directory = try root.directory(path.components[...])
            _ = futimens(directory.raw, times)
        }
    }

    private func unpack(_ entry: OpaquePointer, _ reader: ArchiveReader) throws {
        let text = archive_entry_pathname(entry).map { String(cString: $0) } ?? ""
        guard let path = ArchivePath(text) else {
            throw ImageError.unsafe(layer: layer, path: text, reason: "leads out of the layer")
        }
        if path.isRoot { return try setRoot(entry) }
        do {
            switch path.marker {
            case .bookkeeping: return
            case .opaque: return try makeOpaque(try root.directory(path.parent), path.text)
            case .whiteout(let name): return try whiteOut(LayerRoot.Place(parent: try root.directory(path.parent), name: name))
            case .none: try make(entry, path, reader)
            }
        } catch let error as SystemError {
            throw ImageError.system("unpacking '\(text)' of layer \(layer)", error)
        }
    }

    private func setRoot(_ entry: OpaquePointer) throws {
        let directory = try root.directory([])
        try setOwnerAndMode(directory.raw, entry)
        if let path = ArchivePath("") { directoryTimes.append((path, times(of: entry))) }
    }

    private func make(_ entry: OpaquePointer, _ path: ArchivePath, _ reader: ArchiveReader) throws {
        let place = try root.place(path)
        inodes += 1
        if let target = archive_entry_hardlink(entry) { return try link(place, to: String(cString: target)) }
        switch archive_entry_filetype(entry) & 0o170000 {
        case 0o040000: try makeDirectory(entry, path, place)
        case 0o120000: try makeSymlink(entry, place)
        case 0o020000, 0o060000, 0o010000: try makeNode(entry, place)
        case 0o100000: try makeFile(entry, place, reader)
        default: throw ImageError.unsafe(layer: layer, path: path.text, reason: "is of a kind that layers do not have")
        }
    }

    // MARK: Kinds of entries

    private func makeFile(_ entry: OpaquePointer, _ place: LayerRoot.Place, _ reader: ArchiveReader) throws {
        let mode = archive_entry_perm(entry)
        var raw = openat(place.parent.raw, place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        if raw < 0, errno == EEXIST {
            try root.remove(place)
            raw = openat(place.parent.raw, place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        }
        guard raw >= 0 else { throw SystemError("open", place.name) }
        let file = OwnedDescriptor(raw)
        let size = archive_entry_size(entry)
        var end: Int64 = 0
        while let block = try reader.nextBlock() {
            try writeAll(block.bytes, to: file, at: block.offset, place.name)
            end = block.offset + Int64(block.bytes.count)
        }
        if end < size { try Linux.check("ftruncate", place.name) { ftruncate(file.raw, Int(size)) } }
        bytes += UInt64(max(0, size))
        try setOwnerAndMode(file.raw, entry, mode: mode)
        try setAttributes(file.raw, entry, place.name)
        _ = futimens(file.raw, times(of: entry))
    }

    private func writeAll(_ block: UnsafeRawBufferPointer, to file: OwnedDescriptor, at offset: Int64, _ name: String) throws {
        var done = 0
        while done < block.count {
            let count = pwrite(file.raw, block.baseAddress?.advanced(by: done), block.count - done, Int(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError("write", name)
            }
            done += count
        }
    }

    private func makeDirectory(_ entry: OpaquePointer, _ path: ArchivePath, _ place: LayerRoot.Place) throws {
        var replacesWhiteout = false
        if mkdirat(place.parent.raw, place.name, archive_entry_perm(entry)) != 0 {
            guard errno == EEXIST else { throw SystemError("mkdir", place.name) }
            var status = stat()
            try Linux.check("stat", place.name) { fstatat(place.parent.raw, place.name, &status, AT_SYMLINK_NOFOLLOW) }
            if status.st_mode & S_IFMT != S_IFDIR {
                replacesWhiteout = status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0
                try root.remove(place)
                try Linux.check("mkdir", place.name) { mkdirat(place.parent.raw, place.name, archive_entry_perm(entry)) }
            }
        }
        let directory = try root.directory(path.components[...])
        // The lower directory was removed and a new one made: nothing of the old may shine through.
        if replacesWhiteout { try makeOpaque(directory, path.text) }
        try setOwnerAndMode(directory.raw, entry)
        try setAttributes(directory.raw, entry, place.name)
        directoryTimes.append((path, times(of: entry)))
    }

    private func makeSymlink(_ entry: OpaquePointer, _ place: LayerRoot.Place) throws {
        guard let target = archive_entry_symlink(entry) else { throw ImageError.corrupt(layer: layer, reason: "the link \(place.name) has no target") }
        try replacing(place) { symlinkat(target, place.parent.raw, place.name) }
        let owner = owner(of: entry)
        if owner != (0, 0) {
            try Linux.check("chown", place.name) { fchownat(place.parent.raw, place.name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) }
        }
        _ = utimensat(place.parent.raw, place.name, times(of: entry), AT_SYMLINK_NOFOLLOW)
    }

    private func makeNode(_ entry: OpaquePointer, _ place: LayerRoot.Place) throws {
        let device = clinux_makedev(UInt32(archive_entry_rdevmajor(entry)), UInt32(archive_entry_rdevminor(entry)))
        let mode = archive_entry_filetype(entry) | archive_entry_perm(entry)
        // 0/0 would be a whiteout to overlay: it hides, and shows nothing.
        try replacing(place) { mknodat(place.parent.raw, place.name, mode, UInt(device)) }
        let owner = owner(of: entry)
        if owner != (0, 0) {
            try Linux.check("chown", place.name) { fchownat(place.parent.raw, place.name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) }
        }
        _ = utimensat(place.parent.raw, place.name, times(of: entry), AT_SYMLINK_NOFOLLOW)
    }

    private func link(_ place: LayerRoot.Place, to text: String) throws {
        guard let target = ArchivePath(text), !target.isRoot else {
            throw ImageError.unsafe(layer: layer, path: text, reason: "is the target of a hard link and leads out of the layer")
        }
        let source = try root.place(target)
        do {
            try replacing(place) { linkat(source.parent.raw, source.name, place.parent.raw, place.name, 0) }
        } catch let error as SystemError where error.code == ENOENT {
            throw ImageError.corrupt(layer: layer, reason: "the hard link '\(place.name)' leads to '\(text)', which is not in the layer")
        }
    }

    // MARK: Markers

    private func whiteOut(_ place: LayerRoot.Place) throws {
        inodes += 1
        if mknodat(place.parent.raw, place.name, S_IFCHR, 0) == 0 { return }
        guard errno == EEXIST else { throw SystemError("mknod", place.name) }
        // The layer has an entry of that name: it stays, and if it is a directory hides what is below it.
        let raw = openat(place.parent.raw, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if raw >= 0 { try makeOpaque(OwnedDescriptor(raw), place.name) }
    }

    private func makeOpaque(_ directory: OwnedDescriptor, _ path: String) throws {
        try Linux.check("setxattr", path) { fsetxattr(directory.raw, "trusted.overlay.opaque", "y", 1, 0) }
    }

    // MARK: Attributes

    private func owner(of entry: OpaquePointer) -> (uid: uid_t, gid: gid_t) {
        (uid_t(truncatingIfNeeded: archive_entry_uid(entry)), gid_t(truncatingIfNeeded: archive_entry_gid(entry)))
    }

    /// - Parameter mode: the permissions that the file was made with, where it was.
    private func setOwnerAndMode(_ fd: CInt, _ entry: OpaquePointer, mode: mode_t? = nil) throws {
        let owner = owner(of: entry)
        let path = archive_entry_pathname(entry).map { String(cString: $0) }
        if owner != (0, 0) { try Linux.check("chown", path) { fchown(fd, owner.uid, owner.gid) } }
        let wanted = archive_entry_perm(entry)
        // A change of owner takes the setuid bit away.
        if mode != wanted || (owner != (0, 0) && wanted & 0o6000 != 0) { try Linux.check("chmod", path) { fchmod(fd, wanted) } }
    }

    private func setAttributes(_ fd: CInt, _ entry: OpaquePointer, _ name: String) throws {
        guard archive_entry_xattr_reset(entry) > 0 else { return }
        var key: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while archive_entry_xattr_next(entry, &key, &value, &size) == ARCHIVE_OK {
            guard let key else { continue }
            let attribute = String(cString: key)
            // overlay's own attributes are ours to set; SELinux's are the host's.
            if attribute.hasPrefix("trusted.overlay.") || attribute == "security.selinux" { continue }
            if fsetxattr(fd, key, value, size, 0) != 0, errno != ENOTSUP, errno != EOPNOTSUPP {
                throw SystemError("setxattr \(attribute)", name)
            }
        }
    }

    private func times(of entry: OpaquePointer) -> [timespec] {
        let modified = timespec(tv_sec: archive_entry_mtime(entry), tv_nsec: Int(archive_entry_mtime_nsec(entry)))
        return [modified, modified]
    }

    /// Makes something, in place of what is there.
    private func replacing(_ place: LayerRoot.Place, _ make: () -> CInt) throws {
        if make() == 0 { return }
        guard errno == EEXIST else { throw SystemError("create", place.name) }
        try root.remove(place)
        if make() != 0 { throw SystemError("create", place.name) }
    }
}
