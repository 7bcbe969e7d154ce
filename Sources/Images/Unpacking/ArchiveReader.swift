import CArchive
import Glibc

/// Reads a tar archive by libarchive from a stream of pieces. For one thread.
final class ArchiveReader {
    private let archive: OpaquePointer
    private let source: Source

    /// What the C callback reads from, and what it failed with.
    private final class Source {
        let next: () throws -> UnsafeRawBufferPointer
        var failure: (any Error)?
        init(_ next: @escaping () throws -> UnsafeRawBufferPointer) { self.next = next }
    }

    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter next: the next piece, valid until the next call; empty at the end.
    init(_ next: @escaping () throws -> UnsafeRawBufferPointer) throws {
        guard let archive = archive_read_new() else { throw Malformed(description: "no memory for an archive") }
        self.archive = archive
        source = Source(next)
        archive_read_support_filter_none(archive)
        archive_read_support_format_tar(archive)
        archive_read_support_format_empty(archive)
        // Names are bytes to us; the locale has no say.
        archive_read_set_options(archive, "hdrcharset=BINARY")
        let context = Unmanaged.passUnretained(source).toOpaque()
        let result = archive_read_open(
            archive, context, nil,
            { _, context, buffer in
                guard let context else { return -1 }
                let source = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
                do {
                    let piece = try source.next()
                    buffer?.pointee = piece.baseAddress
                    return la_ssize_t(piece.count)
                } catch {
                    source.failure = error
                    return -1
                }
            }, nil)
        try check(result)
    }

    deinit { archive_read_free(archive) }

    /// The next entry, valid until the next call; nil at the end.
    /// - Throws: what the source failed with, or `Malformed`.
    func nextEntry() throws -> OpaquePointer? {
        var entry: OpaquePointer?
        let result = archive_read_next_header(archive, &entry)
        if result == ARCHIVE_EOF { return nil }
        try check(result)
        return entry
    }

    /// The next block of the entry's content and where in the file it belongs: what lies between is a hole. It is valid
    /// until the next call; nil at the end.
    func nextBlock() throws -> (bytes: UnsafeRawBufferPointer, offset: Int64)? {
        var buffer: UnsafeRawPointer?
        var size = 0
        var offset: la_int64_t = 0
        let result = archive_read_data_block(archive, &buffer, &size, &offset)
        if result == ARCHIVE_EOF { return nil }
        try check(result)
        return (UnsafeRawBufferPointer(start: buffer, count: size), offset)
    }

    private func check(_ result: CInt) throws {
        if let failure = source.failure { throw failure }
        // Warnings are about names in other character sets, which are bytes to us.
        guard result < ARCHIVE_WARN else { return }
        let reason = archive_error_string(archive).map { String(cString: $0) } ?? "error \(result)"
        throw Malformed(description: "its archive is damaged (\(reason))")
    }
}
