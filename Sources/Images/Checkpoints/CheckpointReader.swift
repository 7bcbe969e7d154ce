import CLinux
import Glibc
import Linux

/// Reads a checkpoint archive, which comes from outside: nothing that it says leads out of the directory that it is unpacked
/// into, and no file is larger than the archive. For a thread of its own.
struct CheckpointReader {
    let path: String

    /// The most of a part that is read into memory, in bytes.
    static let longestDocument: Int64 = 16 << 20

    /// What the archive says of itself, without unpacking it.
    /// - Throws: `CheckpointError`, `SystemError`.
    func documents() throws -> CheckpointDocuments {
        let wanted: Set<CheckpointPart> = [.configuration, .specification]
        var parts: [CheckpointPart: [UInt8]] = [:]
        let entries = try CheckpointEntries(path)
        while parts.count < wanted.count, let (entry, size) = try entries.next() {
            guard case .part(let part) = entry, wanted.contains(part) else { continue }
            guard size <= Self.longestDocument else {
                throw CheckpointError.tooLarge("\(part.rawValue) in \(path)", limit: Self.longestDocument)
            }
            parts[part] = try entries.content(size)
        }
        return try CheckpointDocuments(parts, of: path)
    }

    /// Writes the parts that a restore needs into a directory, which exists.
    /// - Throws: `CheckpointError`, `SystemError`.
    func unpack(into directory: String) throws {
        let images = "\(directory)/\(CheckpointPart.images)"
        try Files.makeDirectories(images, mode: 0o700)
        let root = try OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY)
        let entries = try CheckpointEntries(path)
        while let (entry, size) = try entries.next() {
            let file = try CheckpointFile.create(entry, in: root, of: path)
            try entries.forEachBlock(size) { block, offset in try file.write(block, at: offset) }
        }
        guard Files.exists("\(images)/inventory.img") else {
            throw CheckpointError.malformed(path, reason: "CRIU's images are missing (checkpoint/inventory.img)")
        }
    }
}

/// The files of a checkpoint archive that are of use, one after the other. For one thread.
private final class CheckpointEntries {
    private let path: String
    private let reader: TarReader
    /// Bytes that files may still have: what lies in an archive that is not compressed is no larger than it.
    private var rest: Int64

    init(_ path: String) throws {
        let file = try FilePieces(path)
        (self.path, rest) = (path, file.size)
        do { reader = try TarReader { try file.next() } } catch let error as TarReader.Malformed { throw Self.damaged(path, error) }
    }

    /// The next file and its size; nil at the archive's end.
    func next() throws -> (CheckpointEntry, Int64)? {
        while let entry = try header() {
            guard let place = LayerPath(entry.path) else {
                throw CheckpointError.escapes(path, entry: String(decoding: entry.path, as: UTF8.self))
            }
            let kind = CheckpointEntry(place)
            guard case .file(let size) = entry.kind else {
                // CRIU's directory may have links to earlier dumps, which these tools do not make.
                if case .part(let part) = kind { throw CheckpointError.malformed(path, reason: "its \(part.rawValue) is no regular file") }
                continue
            }
            guard size <= rest else { throw CheckpointError.tooLarge("'\(place)' in \(path)", limit: rest) }
            rest -= size
            if let kind { return (kind, size) }
        }
        return nil
    }

    /// Hands out the content of the file that came last. Blocks of a sparse file may claim to lie anywhere.
    func forEachBlock(_ size: Int64, _ body: (UnsafeRawBufferPointer, Int64) throws -> Void) throws {
        do {
            try reader.forEachBlock { block, offset in
                guard offset >= 0, offset <= size - Int64(block.count) else {
                    throw CheckpointError.malformed(path, reason: "a file is longer than it says")
                }
                try body(block, offset)
            }
        } catch let error as TarReader.Malformed {
            throw Self.damaged(path, error)
        }
    }

    /// The content of the file that came last, whole.
    func content(_ size: Int64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(size))
        try forEachBlock(size) { block, offset in
            bytes.replaceSubrange(Int(offset)..<(Int(offset) + block.count), with: block)
        }
        return bytes
    }

    private func header() throws -> TarEntry? {
        do { return try reader.nextEntry() } catch let error as TarReader.Malformed { throw Self.damaged(path, error) }
    }

    private static func damaged(_ path: String, _ error: TarReader.Malformed) -> CheckpointError {
        .malformed(path, reason: "it is no tar archive, or a damaged one (\(error))")
    }
}

/// A part of a checkpoint as it is written into a restore's directory.
struct CheckpointFile {
    private let file: OwnedDescriptor
    private let subject: String

    /// - Throws: `CheckpointError.malformed` where the archive has it twice.
    static func create(_ entry: CheckpointEntry, in root: OwnedDescriptor, of source: String) throws -> CheckpointFile {
        let subject = String(decoding: entry.path, as: UTF8.self)
        let raw = entry.path.withCString { openat(root.raw, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600) }
        if raw >= 0 { return CheckpointFile(file: OwnedDescriptor(raw), subject: subject) }
        guard errno != EEXIST else { throw CheckpointError.malformed(source, reason: "it has '\(subject)' twice") }
        throw SystemError("open", subject)
    }

    func write(_ block: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
        var done = 0
        while done < block.count {
            let count = pwrite(file.raw, block.baseAddress?.advanced(by: done), block.count - done, Int(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError("write", subject)
            }
            done += count
        }
    }
}
