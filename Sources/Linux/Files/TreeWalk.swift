import Glibc

/// Goes through a directory tree that others made: a loop, whatever its depth, with a bounded number of open descriptors and without a
/// path, so that neither the stack nor PATH_MAX nor the descriptor table sets its end. Links are not followed, and names may be any bytes.
/// For one thread; all calls block.
///
/// Directories above the innermost ones are closed and, when the walk comes back to them, found again by `..`, which must be the very
/// directory that was left (device and inode): whoever moves directories about meanwhile cannot lead the walk elsewhere.
public final class TreeWalk {
    /// Something in a directory.
    public struct Entry {
        /// The open directory that it is in; valid for the call.
        public let directory: CInt
        public let name: [UInt8]
        /// lstat(2) of it.
        public let status: stat
        /// 0 in the top directory.
        public let depth: Int

        public var isDirectory: Bool { status.st_mode & S_IFMT == S_IFDIR }
        /// For messages; bytes that are not UTF-8 are replaced.
        public var text: String { String(decoding: name, as: UTF8.self) }
        /// Calls `body` with the name as C wants it.
        public func withName<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R { try name.withCString(body) }
    }

    private final class Level {
        let entry: Entry?
        let device: dev_t
        let inode: ino_t
        /// Nil while it is closed.
        var stream: OpaquePointer?
        /// Where to go on reading after it was closed.
        var position = 0

        init(_ descriptor: CInt, entry: Entry?) throws(SystemError) {
            var status = stat()
            do { try check("fstat", entry?.text) { fstat(descriptor, &status) } } catch {
                Glibc.close(descriptor)
                throw error
            }
            (self.entry, device, inode) = (entry, status.st_dev, status.st_ino)
            try open(descriptor)
        }

        deinit { if let stream { closedir(stream) } }

        var descriptor: CInt { stream.map { dirfd($0) } ?? -1 }

        /// The stream takes the descriptor over.
        func open(_ descriptor: CInt) throws(SystemError) {
            guard let stream = fdopendir(descriptor) else {
                let error = SystemError("fdopendir", entry?.text)
                Glibc.close(descriptor)
                throw error
            }
            self.stream = stream
            if position != 0 { seekdir(stream, position) }
        }

        func close() {
            guard let stream else { return }
            position = telldir(stream)
            closedir(stream)
            self.stream = nil
        }

        func rewind() {
            position = 0
            if let stream { rewinddir(stream) }
        }

        /// The next name; nil at the end.
        func next() throws(SystemError) -> [UInt8]? {
            guard let stream else { return nil }
            while true {
                errno = 0
                guard let entry = readdir(stream) else {
                    if errno != 0 { throw SystemError("readdir", self.entry?.text) }
                    return nil
                }
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: UInt8.self, capacity: 256) {
                        Array(UnsafeBufferPointer(start: $0, count: strnlen(pointer, 256)))
                    }
                }
                if name != Array(".".utf8), name != Array("..".utf8) { return name }
            }
        }
    }

    private var levels: [Level] = []
    private let rescans: Bool
    /// How many directories are open at most.
    static let mostOpen = 32

    private init(rescans: Bool) { self.rescans = rescans }

    /// Walks what is below a directory.
    /// - Parameters:
    ///   - root: an open directory; it stays open and its own position is not changed.
    ///   - rescans: whether a directory that the walk comes back to is read from its beginning, for a caller that removes what it has seen.
    ///   - visit: called for each entry, a directory before what is in it; answers whether to go into it, if it is one.
    ///   - leave: called for each directory that was gone into, after what is in it.
    /// - Throws: `SystemError`; what the closures throw.
    public static func run(
        _ root: OwnedDescriptor, rescans: Bool = false, visit: (Entry) throws -> Bool, leave: (Entry) throws -> Void = { _ in }
    ) throws {
        let walk = TreeWalk(rescans: rescans)
        let top = try check("openat") { openat(root.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        walk.levels.append(try Level(top, entry: nil))
        try walk.go(visit, leave)
    }

    private func go(_ visit: (Entry) throws -> Bool, _ leave: (Entry) throws -> Void) throws {
        while let level = levels.last {
            guard let name = try level.next() else {
                try comeBack(from: level, leave)
                continue
            }
            var status = stat()
            // What is gone meanwhile is passed over.
            guard name.withCString({ fstatat(level.descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else { continue }
            let entry = Entry(directory: level.descriptor, name: name, status: status, depth: levels.count - 1)
            if try visit(entry), entry.isDirectory { try goInto(entry) }
        }
    }

    private func goInto(_ entry: Entry) throws(SystemError) {
        let raw = entry.withName { openat(entry.directory, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        guard raw >= 0 else {
            if [ENOENT, ENOTDIR, ELOOP].contains(errno) { return }
            throw SystemError("open", entry.text)
        }
        levels.append(try Level(raw, entry: entry))
        if levels.count > Self.mostOpen { levels[levels.count - Self.mostOpen - 1].close() }
    }

    private func comeBack(from level: Level, _ leave: (Entry) throws -> Void) throws {
        levels.removeLast()
        guard let above = levels.last, let left = level.entry else { return }
        if above.stream == nil { try reopen(above, from: level) }
        try leave(Entry(directory: above.descriptor, name: left.name, status: left.status, depth: left.depth))
        if rescans { above.rewind() }
    }

    private func reopen(_ above: Level, from level: Level) throws(SystemError) {
        let raw = try check("openat", "..") { openat(level.descriptor, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        var status = stat()
        guard fstat(raw, &status) == 0, status.st_dev == above.device, status.st_ino == above.inode else {
            Glibc.close(raw)
            throw SystemError("walk", code: ESTALE, "\(level.entry?.text ?? "/"): it was moved meanwhile")
        }
        try above.open(raw)
    }
}

extension [UInt8] {
    /// Calls `body` with the bytes and a zero after them.
    public func withCString<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
        try (self + [0]).withUnsafeBytes { buffer in
            try buffer.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress else { preconditionFailure("an array with a zero has memory") }
                return try body(start)
            }
        }
    }
}
