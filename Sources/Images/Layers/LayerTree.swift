import CLinux
import Glibc
import Linux

/// The directory that a layer is unpacked into. The kernel resolves every path beneath it (openat2(2), RESOLVE_IN_ROOT), so
/// that no `..`, absolute link or link to elsewhere leads out. For one thread.
final class LayerTree {
    /// A name in an open directory.
    struct Place {
        /// Owned by the tree, and open until the tree is asked for another place.
        let directory: CInt
        let name: [UInt8]

        func withName<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R { try name.withCString(body) }

        /// The type and permissions of what is there, as in `st_mode`, and its device; nil where nothing is.
        func status() -> stat? {
            var status = stat()
            return withName { fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) } == 0 ? status : nil
        }
    }

    private let root: OwnedDescriptor
    /// Directories that were used last: an archive's entries come directory by directory.
    private var opened: [LayerPath: OwnedDescriptor] = [:]
    private static let mostOpened = 64
    private static let mostLinks = 40
    /// The most bytes that the paths of implied directories have together.
    private static let mostImpliedBytes = 16 << 20
    private var impliedBytes = 0
    /// Directories that were made because something had to be in them.
    private(set) var implied: Set<LayerPath> = [.root]
    /// Whether the root hides what lower layers have.
    private(set) var isRootOpaque = false
    private(set) var inodes: UInt64 = 1

    init(_ path: String) throws(SystemError) {
        root = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY)
    }

    /// Where `path`, which is not the root, is or is to be. Missing directories above it are made.
    /// - Throws: `SystemError`.
    func place(_ path: LayerPath) throws(SystemError) -> Place {
        Place(directory: try directory(path.parent, links: 0), name: path.name)
    }

    /// An open directory, valid until the tree is asked for another one.
    func directory(_ path: LayerPath) throws(SystemError) -> CInt { try directory(path, links: 0) }

    /// The directory is described by an entry of its own.
    func describe(_ path: LayerPath) { implied.remove(path) }

    private func directory(_ path: LayerPath, links: Int) throws(SystemError) -> CInt {
        if path.isRoot { return root.raw }
        if let known = opened[path] { return known.raw }
        // Up to the nearest that is there, and down again: a path may have as many components as fit.
        var (missing, place): ([LayerPath], LayerPath) = ([], path)
        var descriptor = try open(place)
        while descriptor == nil, !place.isRoot {
            missing.append(place)
            place = place.parent
            descriptor = try open(place)
        }
        for next in missing.reversed() { descriptor = try make(next, in: descriptor ?? root, links: links) }
        let found = descriptor ?? root
        if opened.count >= Self.mostOpened { opened.removeAll() }
        opened[path] = found
        return found.raw
    }

    /// The directory at `path` itself; nil where a later entry replaced it.
    func existing(_ path: LayerPath) throws(SystemError) -> OwnedDescriptor? { try open(path, O_NOFOLLOW) }

    /// Removes what is at `path`, which is not the root, with all that is below it. What is not there is no error.
    func remove(_ path: LayerPath) throws(SystemError) {
        guard let directory = try open(path.parent) else { return }
        try TreeRemoval.remove(path.name, in: directory.raw)
    }

    private func open(_ path: LayerPath, _ more: CInt = 0) throws(SystemError) -> OwnedDescriptor? {
        let flags = UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC | more)
        let inRoot: UInt64 = 0x10
        let raw = path.withCString { clinux_openat2(root.raw, $0, flags, 0, inRoot) }
        if raw >= 0 { return OwnedDescriptor(raw) }
        guard errno == ENOENT || errno == ENOTDIR || errno == ELOOP else { throw SystemError("openat2", "\(path)") }
        return nil
    }

    /// Makes a directory that an entry needs, in the one above it; a link in its place that leads to nothing yet is followed.
    private func make(_ path: LayerPath, in above: OwnedDescriptor, links: Int) throws(SystemError) -> OwnedDescriptor {
        let place = Place(directory: above.raw, name: path.name)
        if let status = place.status() {
            if status.st_mode & S_IFMT == S_IFLNK { return try follow(path, place, links: links) }
            // What the layer says is gone, and then says more of: a new directory that hides the old one.
            guard status.isWhiteout else { throw SystemError("open directory", code: ENOTDIR, "\(path)") }
            try makeDirectory(place, mode: 0o755)
        } else {
            try check("mkdir", "\(path)") { place.withName { mkdirat(place.directory, $0, 0o755) } }
            inodes += 1
        }
        try imply(path)
        guard let descriptor = try open(path) else { throw SystemError("open directory", code: ENOENT, "\(path)") }
        return descriptor
    }

    /// Notes a directory that no entry describes. Their paths are kept, so that their sum has a limit: a few bytes of an archive
    /// can imply thousands.
    private func imply(_ path: LayerPath) throws(SystemError) {
        guard implied.insert(path).inserted else { return }
        impliedBytes += path.bytes.count
        guard impliedBytes <= Self.mostImpliedBytes else {
            throw SystemError("make directory", code: ENAMETOOLONG, "\(path.name.count) bytes more: the layer has too many directories without entries")
        }
    }

    private func follow(_ path: LayerPath, _ place: Place, links: Int) throws(SystemError) -> OwnedDescriptor {
        guard links < Self.mostLinks else { throw SystemError("open directory", code: ELOOP, "\(path)") }
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let size = target.count
        let count = place.withName { readlinkat(place.directory, $0, &target, size) }
        guard count > 0 else { throw SystemError("readlink", "\(path)") }
        // At the root `..` stays there, as it will for the container.
        let end = LayerPath(target[..<count].map { UInt8(bitPattern: $0) }, from: path.parent) ?? .root
        _ = try directory(end, links: links + 1)
        guard let descriptor = try open(path) else { throw SystemError("open directory", code: ELOOP, "\(path)") }
        return descriptor
    }
}

extension LayerTree {
    /// Makes a directory, or takes the one that is there. One that follows its own whiteout hides what lower layers have.
    func makeDirectory(_ place: Place, mode: mode_t) throws(SystemError) {
        func make() -> CInt { place.withName { mkdirat(place.directory, $0, mode) } }
        let status = place.status()
        if let status, status.st_mode & S_IFMT == S_IFDIR { return }
        try create(place, "mkdir", make)
        if let status, status.isWhiteout { try setOpaque(place) }
    }

    /// Calls `make` for something new at `place`; what is there gives way.
    /// - Parameters:
    ///   - inode: whether it takes one of its own.
    ///   - make: answers -1 and EEXIST where something is there.
    @discardableResult
    func create(_ place: Place, _ call: String, inode: Bool = true, _ make: () -> CInt) throws(SystemError) -> CInt {
        let result = make()
        if result >= 0 {
            if inode { inodes += 1 }
            return result
        }
        let subject = String(decoding: place.name, as: UTF8.self)
        guard errno == EEXIST else { throw SystemError(call, subject) }
        try TreeRemoval.remove(place.name, in: place.directory)
        let remade = try check(call, subject, make)
        // Directories that were opened may have gone with it; those in use by the caller stay open.
        for (path, descriptor) in opened where descriptor.raw != place.directory { opened[path] = nil }
        return remade
    }

    /// Makes the whiteout of `name` as overlay knows it.
    func makeWhiteout(_ place: Place) throws(SystemError) {
        if let status = place.status() {
            // An entry of the same layer is not hidden by its whiteout, but what lower layers have there is.
            if status.st_mode & S_IFMT == S_IFDIR { try setOpaque(place) }
            return
        }
        try create(place, "mknod") { place.withName { mknodat(place.directory, $0, S_IFCHR, 0) } }
    }

    private func setOpaque(_ place: Place) throws(SystemError) {
        try setAttribute(.opaque, at: place)
    }

    /// Makes a directory hide what lower layers have in it.
    func setOpaque(_ path: LayerPath) throws(SystemError) {
        if path.isRoot { isRootOpaque = true }
        let descriptor = try directory(path)
        try check("setxattr", "\(path)") { fsetxattr(descriptor, TarEntry.Attribute.opaque.name, [UInt8(ascii: "y")], 1, 0) }
    }

    /// Sets an extended attribute of what is at `place`, be it a link.
    func setAttribute(_ attribute: TarEntry.Attribute, at place: Place) throws(SystemError) {
        // There is no call with a directory's descriptor; through /proc the descriptor stands for its path.
        let path = Array("/proc/self/fd/\(place.directory)/".utf8) + place.name
        try check("setxattr \(attribute.name)", String(decoding: place.name, as: UTF8.self)) {
            path.withCString { lsetxattr($0, attribute.name, attribute.value, attribute.value.count, 0) }
        }
    }
}

extension TarEntry.Attribute {
    /// Linux, Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
    static let opaque = TarEntry.Attribute(name: "trusted.overlay.opaque", value: [UInt8(ascii: "y")])
}

extension stat {
    /// A character device 0/0: overlay's whiteout.
    var isWhiteout: Bool { st_mode & S_IFMT == S_IFCHR && st_rdev == 0 }
}
