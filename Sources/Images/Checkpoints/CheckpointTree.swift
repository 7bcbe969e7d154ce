import FoundationEssentials
import Glibc
import Linux

/// Makes a root file system what it was when the checkpoint was taken. For a thread of its own whose umask is zero.
struct CheckpointTree {
    /// The directory with the checkpoint's parts.
    let parts: String
    /// The checkpoint's name, for messages.
    let source: String

    /// - Parameter root: the base image's root file system, mounted to be written.
    /// - Throws: `CheckpointError`, `SystemError`.
    func apply(to root: String) throws {
        // In the order of CRI-O and Podman: what is gone goes last.
        let changes = "\(parts)/\(CheckpointPart.rootChanges.rawValue)"
        if Files.exists(changes) { try unpack(changes, into: root) }
        let deleted = "\(parts)/\(CheckpointPart.deletedFiles.rawValue)"
        if Files.exists(deleted) { try remove(try paths(deleted), from: root) }
    }

    private func unpack(_ archive: String, into root: String) throws {
        let file = try FilePieces(archive)
        var rest = file.size
        do {
            let reader = try TarReader(file.next)
            let writer = try LayerWriter(directory: root, readsWhiteouts: false)
            while let entry = try reader.nextEntry() {
                if case .file(let size) = entry.kind {
                    guard size <= rest else {
                        throw CheckpointError.tooLarge("a file in \(CheckpointPart.rootChanges.rawValue) of \(source)", limit: rest)
                    }
                    rest -= size
                }
                try writer.write(entry, content: reader.forEachBlock)
            }
            try writer.setDirectoryTimes()
        } catch let error as TarReader.Malformed {
            throw malformed("its \(CheckpointPart.rootChanges.rawValue) is damaged (\(error))")
        } catch let fault as LayerWriter.Fault {
            switch fault {
            case .malformed(let reason): throw malformed("its \(CheckpointPart.rootChanges.rawValue) is damaged (\(reason))")
            case .escapes(let entry): throw CheckpointError.escapes(source, entry: entry)
            }
        }
    }

    private func paths(_ file: String) throws -> [LayerPath] {
        let pieces = try FilePieces(file)
        guard pieces.size <= CheckpointReader.longestDocument else {
            throw CheckpointError.tooLarge("deleted.files in \(source)", limit: CheckpointReader.longestDocument)
        }
        guard let texts = try? JSONDecoder().decode([String].self, from: Data(try Files.readBytes(file))) else {
            throw malformed("its deleted.files is no list of paths")
        }
        return try texts.map { text in
            guard let path = LayerPath(text.utf8), !path.isRoot else { throw CheckpointError.escapes(source, entry: text) }
            return path
        }
    }

    private func remove(_ paths: [LayerPath], from root: String) throws {
        let tree = try LayerTree(root)
        for path in paths { try tree.remove(path) }
    }

    private func malformed(_ reason: String) -> CheckpointError { .malformed(source, reason: reason) }
}
