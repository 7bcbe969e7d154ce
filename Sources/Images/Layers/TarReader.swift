import CArchive
import Glibc

/// Reads a tar archive (ustar, PAX, GNU, sparse) through libarchive, from a source of pieces. For one thread.
final class TarReader {
    /// An archive that is none.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    /// What the C callback reads from, and what that failed with.
    private final class Source {
        let next: () throws -> UnsafeRawBufferPointer
        var failure: (any Error)?
        init(_ next: @escaping () throws -> UnsafeRawBufferPointer) { self.next = next }
    }

    private let archive: OpaquePointer
    private let source: Source

    /// Names are bytes, and in the C locale libarchive leaves those that are not ASCII as they are; in a UTF-8 locale it
    /// would normalise them. Sets the calling thread's locale, so the reader is for a thread that belongs to it.
    /// - Parameter next: the next piece, valid until the next call; empty at the end.
    /// - Throws: ``Malformed``, and what `next` throws.
    init(_ next: @escaping () throws -> UnsafeRawBufferPointer) throws {
        if let names = newlocale(LC_CTYPE_MASK, "C", nil) { uselocale(names) }
        guard let archive = archive_read_new() else { throw Malformed(description: "libarchive has no memory") }
        self.archive = archive
        source = Source(next)
        archive_read_support_format_tar(archive)
        archive_read_support_format_empty(archive)
        let context = Unmanaged.passUnretained(source).toOpaque()
        try check(
            archive_read_open(
                archive, context, nil,
                { _, context, buffer in
                    guard let context else { return -1 }
                    let source = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
                    do {
                        let piece = try source.next()
                        buffer?.pointee = piece.baseAddress
                        return piece.count
                    } catch {
                        source.failure = error
                        return -1
                    }
                }, nil))
    }

    deinit { archive_read_free(archive) }

    /// The next entry; nil at the archive's end.
    /// - Throws: ``Malformed``, and what the source throws.
    func nextEntry() throws -> TarEntry? {
        var entry: OpaquePointer?
        let result = archive_read_next_header(archive, &entry)
        if result == ARCHIVE_EOF { return nil }
        try check(result)
        guard let entry else { return nil }
        return try read(entry)
    }

    /// Hands out the entry's content, a block at a time with its offset in the file; what lies between blocks is a hole.
    func forEachBlock(_ body: (UnsafeRawBufferPointer, Int64) throws -> Void) throws {
        while true {
            var block: UnsafeRawPointer?
            var count = 0
            var offset: Int64 = 0
            let result = archive_read_data_block(archive, &block, &count, &offset)
            if result == ARCHIVE_EOF { return }
            try check(result)
            if count > 0 { try body(UnsafeRawBufferPointer(start: block, count: count), offset) }
        }
    }

    private func read(_ entry: OpaquePointer) throws -> TarEntry {
        guard let path = bytes(archive_entry_pathname(entry)) else { throw Malformed(description: "an entry has no name") }
        var result = TarEntry(path: path, kind: kind(of: entry))
        result.mode = archive_entry_perm(entry) & 0o7777
        let ids = (archive_entry_uid(entry), archive_entry_gid(entry))
        guard let owner = uid_t(exactly: ids.0), let group = gid_t(exactly: ids.1) else {
            throw Malformed(description: "entry '\(String(decoding: path, as: UTF8.self))' has the owner \(ids.0):\(ids.1)")
        }
        (result.owner, result.group) = (owner, group)
        result.modified = timespec(tv_sec: archive_entry_mtime(entry), tv_nsec: archive_entry_mtime_nsec(entry))
        result.accessed =
            archive_entry_atime_is_set(entry) != 0
            ? timespec(tv_sec: archive_entry_atime(entry), tv_nsec: archive_entry_atime_nsec(entry)) : result.modified
        if archive_entry_xattr_reset(entry) > 0 { result.attributes = attributes(of: entry) }
        return result
    }

    private func kind(of entry: OpaquePointer) -> TarEntry.Kind {
        if let target = bytes(archive_entry_hardlink(entry)) { return .hardLink(to: target) }
        let type = archive_entry_filetype(entry) & S_IFMT
        switch type {
        case S_IFREG: return .file(size: max(0, archive_entry_size(entry)))
        case S_IFDIR: return .directory
        case S_IFLNK: return .symbolicLink(to: bytes(archive_entry_symlink(entry)) ?? [])
        case S_IFCHR, S_IFBLK, S_IFIFO:
            return .node(
                type: type, major: UInt32(truncatingIfNeeded: archive_entry_rdevmajor(entry)),
                minor: UInt32(truncatingIfNeeded: archive_entry_rdevminor(entry)))
        default: return .unknown
        }
    }

    private func attributes(of entry: OpaquePointer) -> [TarEntry.Attribute] {
        var all: [TarEntry.Attribute] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK {
            guard let name else { continue }
            all.append(.init(name: String(cString: name), value: Array(UnsafeRawBufferPointer(start: value, count: size))))
        }
        return all
    }

    private func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
        text.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }

    private func check(_ result: CInt) throws {
        if let failure = source.failure { throw failure }
        // Warnings are about character sets, which mean nothing here.
        guard result < ARCHIVE_WARN else { return }
        throw Malformed(description: archive_error_string(archive).map { String(cString: $0) } ?? "libarchive error \(result)")
    }
}
