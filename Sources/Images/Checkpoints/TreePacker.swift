import CLinux
import Glibc
import Linux

/// Puts files of a tree into an archive. The tree is not to change meanwhile. For one thread.
struct TreePacker {
    private let root: OwnedDescriptor
    private let writer: TarWriter
    private let limit: WorkLimit
    /// Files with several names, by device and inode: the first name has the content.
    private var firstNames: [Inode: LayerPath] = [:]

    private struct Inode: Hashable {
        let device: UInt64
        let number: UInt64
    }

    init(_ root: OwnedDescriptor, into writer: TarWriter, limit: WorkLimit) {
        (self.root, self.writer, self.limit) = (root, writer, limit)
    }

    /// Adds what is at `path`, of a directory only itself. Sockets, which no archive has, are left out.
    mutating func add(_ path: LayerPath) throws {
        try limit.check("packing \(path)")
        // A descriptor that stands for the file itself, be it a link (open(2), O_PATH): 0x20_0000.
        let place = try open(path, 0x20_0000 | O_NOFOLLOW)
        var status = stat()
        try check("fstat", "\(path)") { fstat(place.raw, &status) }
        guard let kind = try kind(of: status, path, place) else { return }
        var entry = TarEntry(path: path.bytes, kind: kind)
        entry.mode = status.st_mode & 0o7777
        (entry.owner, entry.group, entry.modified) = (status.st_uid, status.st_gid, status.st_mtim)
        switch kind {
        case .file:
            let content = try open(path, O_RDONLY | O_NONBLOCK)
            entry.attributes = FileAttributes.read(content)
            try writer.add(entry, content: try FilePieces(content, "\(path)"), limit: limit)
        case .directory:
            entry.attributes = FileAttributes.read(try open(path, O_RDONLY | O_DIRECTORY))
            try writer.add(entry, limit: limit)
        default: try writer.add(entry, limit: limit)
        }
    }

    private mutating func kind(of status: stat, _ path: LayerPath, _ place: OwnedDescriptor) throws -> TarEntry.Kind? {
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            let inode = Inode(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
            if status.st_nlink > 1 {
                if let first = firstNames[inode] { return .hardLink(to: first.bytes) }
                firstNames[inode] = path
            }
            return .file(size: Int64(status.st_size))
        case S_IFDIR: return .directory
        case S_IFLNK: return .symbolicLink(to: try target(of: place, path))
        case S_IFCHR, S_IFBLK, S_IFIFO:
            let device = UInt64(status.st_rdev)
            return .node(type: status.st_mode & S_IFMT, major: clinux_major(device), minor: clinux_minor(device))
        default: return nil
        }
    }

    private func target(of link: OwnedDescriptor, _ path: LayerPath) throws -> [UInt8] {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let size = target.count
        let count = readlinkat(link.raw, "", &target, size)
        guard count >= 0 else { throw SystemError("readlink", "\(path)") }
        return target[..<count].map { UInt8(bitPattern: $0) }
    }

    /// Never through a link, nor out of the tree.
    private func open(_ path: LayerPath, _ flags: CInt) throws -> OwnedDescriptor {
        let withoutLinksBeneath: UInt64 = 0x04 | 0x08
        return OwnedDescriptor(
            try check("openat2", "\(path)") {
                path.withCString { clinux_openat2(root.raw, $0, UInt64(flags | O_CLOEXEC), 0, withoutLinksBeneath) }
            })
    }
}

/// The extended attributes of an open file that are its owner's, not overlay's or the host's.
enum FileAttributes {
    static func read(_ file: OwnedDescriptor) -> [TarEntry.Attribute] {
        var names = [CChar](repeating: 0, count: 64 << 10)
        let size = flistxattr(file.raw, &names, names.count)
        guard size > 0 else { return [] }
        let texts = names[..<size].split(separator: 0).map { String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
        return texts.compactMap { name in
            var value = [UInt8](repeating: 0, count: 64 << 10)
            let capacity = value.count
            let count = fgetxattr(file.raw, name, &value, capacity)
            guard count >= 0 else { return nil }
            let attribute = TarEntry.Attribute(name: name, value: Array(value[..<count]))
            return attribute.isAllowed ? attribute : nil
        }
    }
}
