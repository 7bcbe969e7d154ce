import FoundationEssentials
import Glibc
import Linux

/// Writes a checkpoint's parts, gathered in a directory, as an archive. For a thread of its own.
struct CheckpointWriter {
    let parts: String
    let limit: WorkLimit

    /// Packs what a container has changed of its image's files into the parts `rootfs-diff.tar` and `deleted.files`.
    func packChanges(_ changes: RootChanges, of merged: String) throws {
        if !changes.deleted.isEmpty {
            // JSON has no way to write a name that is not UTF-8.
            let texts = changes.deleted.map { "/" + String(decoding: $0.bytes, as: UTF8.self) }
            try Files.writeAtomically([UInt8](try JSONEncoder().encode(texts)), to: "\(parts)/\(CheckpointPart.deletedFiles.rawValue)")
        }
        guard !changes.changed.isEmpty else { return }
        let path = "\(parts)/\(CheckpointPart.rootChanges.rawValue)"
        let file = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL)
        let writer = try TarWriter(file, subject: path)
        var packer = TreePacker(try OwnedDescriptor.open(merged, O_RDONLY | O_DIRECTORY), into: writer, limit: limit)
        for path in changes.changed { try packer.add(path) }
        try writer.finish()
    }

    /// Writes the archive so that it is at `location` whole or not at all, for root's eyes alone: it holds all that the
    /// container had in its memory.
    /// - Parameter temporary: a name beside `location`; nothing is left there.
    func write(to location: String, by temporary: String) throws {
        unlink(temporary)
        let file = try OwnedDescriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        do {
            try pack(into: file, temporary)
            try check("fsync", temporary) { fsync(file.raw) }
            try limit.check("writing \(location)")
            try check("rename", location) { rename(temporary, location) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private func pack(into file: OwnedDescriptor, _ subject: String) throws {
        let writer = try TarWriter(file, subject: subject)
        var packer = TreePacker(try OwnedDescriptor.open(parts, O_RDONLY | O_DIRECTORY), into: writer, limit: limit)
        // What a reader wants first comes first.
        for part in CheckpointPart.allCases where Files.exists("\(parts)/\(part.rawValue)") {
            if let path = LayerPath(part.rawValue.utf8) { try packer.add(path) }
        }
        guard let images = LayerPath(CheckpointPart.images.utf8) else { return }
        try packer.add(images)
        let directory = try OwnedDescriptor.open("\(parts)/\(CheckpointPart.images)", O_RDONLY | O_DIRECTORY)
        for name in try DirectoryEntries.names(of: directory).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            try packer.add(images.appending(name))
        }
        try writer.finish()
    }
}
