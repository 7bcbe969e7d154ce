import CArchive
import Glibc
import Linux

/// Writes a tar archive (PAX, where ustar does not do) through libarchive. For one thread.
final class TarWriter {
    private let archive: OpaquePointer
    private let subject: String

    /// - Parameters:
    ///   - file: written to, and left open.
    ///   - subject: the archive's name, for messages.
    init(_ file: OwnedDescriptor, subject: String) throws {
        // As the reader: names are bytes.
        if let names = newlocale(LC_CTYPE_MASK, "C", nil) { uselocale(names) }
        guard let archive = archive_write_new() else { throw SystemError("archive_write_new", code: ENOMEM, subject) }
        (self.archive, self.subject) = (archive, subject)
        archive_write_set_format_pax_restricted(archive)
        archive_write_add_filter_none(archive)
        try check(archive_write_open_fd(archive, file.raw))
    }

    deinit { archive_write_free(archive) }

    /// - Parameter content: a file's content, which must have the entry's size.
    func add(_ entry: TarEntry, content: FilePieces? = nil, limit: WorkLimit) throws {
        guard let header = archive_entry_new() else { throw SystemError("archive_entry_new", code: ENOMEM, subject) }
        defer { archive_entry_free(header) }
        describe(entry, in: header)
        try check(archive_write_header(archive, header))
        guard case .file(let size) = entry.kind, let content else { return }
        var written: Int64 = 0
        while written < size {
            try limit.check("writing \(subject)")
            let piece = try content.next()
            guard !piece.isEmpty else { throw SystemError("read to the end", code: EIO, String(decoding: entry.path, as: UTF8.self)) }
            let count = archive_write_data(archive, piece.baseAddress, min(piece.count, Int(size - written)))
            guard count >= 0 else { throw failure() }
            written += Int64(piece.count)
        }
    }

    /// Writes the archive's end.
    func finish() throws { try check(archive_write_close(archive)) }

    private func describe(_ entry: TarEntry, in header: OpaquePointer) {
        entry.path.withCString { archive_entry_set_pathname(header, $0) }
        archive_entry_set_perm(header, entry.mode)
        archive_entry_set_uid(header, Int64(entry.owner))
        archive_entry_set_gid(header, Int64(entry.group))
        archive_entry_set_mtime(header, entry.modified.tv_sec, entry.modified.tv_nsec)
        archive_entry_set_size(header, 0)
        switch entry.kind {
        case .file(let size):
            archive_entry_set_filetype(header, UInt32(Glibc.S_IFREG))
            archive_entry_set_size(header, size)
        case .directory: archive_entry_set_filetype(header, UInt32(Glibc.S_IFDIR))
        case .symbolicLink(let target):
            archive_entry_set_filetype(header, UInt32(Glibc.S_IFLNK))
            target.withCString { archive_entry_set_symlink(header, $0) }
        case .hardLink(let target):
            archive_entry_set_filetype(header, UInt32(Glibc.S_IFREG))
            target.withCString { archive_entry_set_hardlink(header, $0) }
        case .node(let type, let major, let minor):
            archive_entry_set_filetype(header, UInt32(type))
            archive_entry_set_rdevmajor(header, dev_t(major))
            archive_entry_set_rdevminor(header, dev_t(minor))
        case .unknown: break
        }
        for attribute in entry.attributes {
            attribute.value.withUnsafeBytes { archive_entry_xattr_add_entry(header, attribute.name, $0.baseAddress, $0.count) }
        }
    }

    private func check(_ result: CInt) throws {
        // Warnings are about character sets, as for the reader.
        guard result < ARCHIVE_WARN else { return }
        throw failure()
    }

    private func failure() -> SystemError {
        let code = archive_errno(archive)
        return SystemError("write", code: code > 0 ? code : EIO, subject)
    }
}
