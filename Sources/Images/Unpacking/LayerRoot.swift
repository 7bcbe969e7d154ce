import CLinux
import Glibc
import Linux

/// A directory that a layer is unpacked into. Every path is resolved beneath it by the kernel (openat2(2) with
/// RESOLVE_IN_ROOT), so that no `..`, absolute link or link to elsewhere leads out.
final class LayerRoot {
    private let root: OwnedDescriptor
    /// Directories that were opened last: entries of an archive come directory by directory.
    private var cache: [String: OwnedDescriptor] = [:]

    init(_ path: String) throws { root = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY) }

    /// Where an entry goes: the open directory above it and its name there.
    struct Place {
        let parent: OwnedDescriptor
        let name: String
    }

    /// The place of a clean relative path. Directories above it that the layer does not have are made.
    func place(_ path: ArchivePath) throws -> Place {
        Place(parent: try directory(path.parent), name: path.name)
    }

    /// Opens a directory, made with its parents where it is not there.
    func directory(_ components: ArraySlice<String>) throws -> OwnedDescriptor {
        if components.isEmpty { return root }
        let path = components.joined(separator: "/")
        if let known = cache[path] { return known }
        var raw = open(path)
        if raw < 0, errno == ENOENT || errno == ENOTDIR, let last = components.last {
            let parent = try directory(components.dropLast())
            // A parent that is no directory gives way, as it would in the order of the archive.
            if mkdirat(parent.raw, last, 0o755) != 0, errno != EEXIST { throw SystemError("mkdir", path) }
            raw = open(path)
            if raw < 0, errno == ENOENT || errno == ENOTDIR {
                try remove(Place(parent: parent, name: last))
                try check("mkdir", path) { mkdirat(parent.raw, last, 0o755) }
                raw = open(path)
            }
        }
        guard raw >= 0 else { throw SystemError("openat2", path) }
        let descriptor = OwnedDescriptor(raw)
        if cache.count >= 128 { cache.removeAll() }
        cache[path] = descriptor
        return descriptor
    }

    private func open(_ path: String) -> CInt {
        clinux_openat2(root.raw, path, UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0, UInt64(0x10))
    }

    /// Removes what is at a place, a tree too. What is not there is no error.
    func remove(_ place: Place) throws {
        if unlinkat(place.parent.raw, place.name, 0) == 0 { return }
        switch errno {
        case ENOENT: return
        case EISDIR, EPERM: break
        default: throw SystemError("unlink", place.name)
        }
        // What was a directory may be another's parent in the cache.
        cache.removeAll()
        let raw = openat(place.parent.raw, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard raw >= 0 else { throw SystemError("open", place.name) }
        let directory = OwnedDescriptor(raw)
        for name in try names(in: directory) { try remove(Place(parent: directory, name: name)) }
        try check("rmdir", place.name) { unlinkat(place.parent.raw, place.name, 0x200) }
    }

    private func names(in directory: OwnedDescriptor) throws -> [String] {
        try Files.list("/proc/self/fd/\(directory.raw)")
    }

    /// Forgets the open directories: something that was one is one no more.
    func forgetDirectories() { cache.removeAll() }
}
