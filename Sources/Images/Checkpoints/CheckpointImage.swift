import CLinux
import Glibc
import Linux

/// A checkpoint that came as an image: the archive's parts are the files of its root. Blocks.
struct CheckpointImage {
    /// Where the image is mounted.
    let path: String
    /// The image's name, for messages.
    let name: String

    /// - Throws: `CheckpointError`, `SystemError`.
    func documents() throws -> CheckpointDocuments {
        let root = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY)
        var parts: [CheckpointPart: [UInt8]] = [:]
        for part in [CheckpointPart.configuration, .specification] {
            guard let pieces = try open(.part(part), in: root) else { continue }
            guard pieces.size <= CheckpointReader.longestDocument else {
                throw CheckpointError.tooLarge("\(part.rawValue) in \(name)", limit: CheckpointReader.longestDocument)
            }
            var bytes: [UInt8] = []
            while true {
                let piece = try pieces.next()
                if piece.isEmpty { break }
                bytes += piece
            }
            parts[part] = bytes
        }
        return try CheckpointDocuments(parts, of: name)
    }

    /// Copies what a restore needs into a directory, which exists.
    /// - Throws: `CheckpointError`, `SystemError`.
    func copy(into directory: String) throws {
        try Files.makeDirectories("\(directory)/\(CheckpointPart.images)", mode: 0o700)
        let root = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY)
        let target = try OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY)
        for part in CheckpointPart.allCases { try copy(.part(part), from: root, to: target) }
        if let images = try open(Array(CheckpointPart.images.utf8), O_RDONLY | O_DIRECTORY, in: root) {
            for file in try DirectoryEntries.names(of: images) { try copy(.image(file), from: root, to: target) }
        }
        guard Files.exists("\(directory)/\(CheckpointPart.images)/inventory.img") else {
            throw CheckpointError.malformed(name, reason: "CRIU's images are missing (checkpoint/inventory.img)")
        }
    }

    private func copy(_ entry: CheckpointEntry, from root: OwnedDescriptor, to target: OwnedDescriptor) throws {
        guard let pieces = try open(entry, in: root) else { return }
        let file = try CheckpointFile.create(entry, in: target, of: name)
        var offset: Int64 = 0
        while true {
            let piece = try pieces.next()
            if piece.isEmpty { return }
            try file.write(piece, at: offset)
            offset += Int64(piece.count)
        }
    }

    /// A regular file of the image; nil for what is not there or is something else, a link above all.
    private func open(_ entry: CheckpointEntry, in root: OwnedDescriptor) throws -> FilePieces? {
        guard let file = try open(entry.path, O_RDONLY | O_NONBLOCK, in: root) else { return nil }
        return try? FilePieces(file, "\(name): \(String(decoding: entry.path, as: UTF8.self))")
    }

    /// Nil for what is not there, or is reached through a link.
    private func open(_ path: [UInt8], _ flags: CInt, in root: OwnedDescriptor) throws -> OwnedDescriptor? {
        let withoutLinksBeneath: UInt64 = 0x04 | 0x08
        let raw = path.withCString { clinux_openat2(root.raw, $0, UInt64(flags | O_CLOEXEC), 0, withoutLinksBeneath) }
        if raw >= 0 { return OwnedDescriptor(raw) }
        guard [ENOENT, ELOOP, ENOTDIR, ENXIO].contains(errno) else { throw SystemError("openat2", String(decoding: path, as: UTF8.self)) }
        return nil
    }
}
