import CLinux
import Glibc
import Linux
import OCI

/// Makes a layer's directory of its download: verified, unpacked, and described. The work of one thread, from the first
/// byte to the last.
struct LayerUnpacker: Sendable {
    let descriptor: Descriptor
    let diffID: Digest
    /// Bytes that the archive may have.
    let limit: Int64
    /// Is made.
    let directory: String
    /// The node's boot, for the record.
    let boot: String

    /// Changes the calling thread's umask and locale: it must be one of its own.
    /// - Throws: `ImageError`, and what the download fails with. The directory is then as far as it came.
    func run(_ queue: ChunkQueue) throws -> LayerRecord {
        // From here on the umask is the thread's own; what an archive says of permissions is what files get.
        let separateFileSystemAttributes: CInt = 0x200
        try check("unshare") { clinux_unshare(separateFileSystemAttributes) }
        umask(0)
        do {
            return try unpack(queue)
        } catch let fault as LayerWriter.Fault {
            switch fault {
            case .malformed(let reason): throw ImageError.corrupt("layer \(descriptor.digest)", reason: reason)
            case .escapes(let entry): throw ImageError.pathEscapes(entry: entry, layer: descriptor.digest)
            }
        } catch let error as TarReader.Malformed {
            throw ImageError.corrupt("layer \(descriptor.digest)", reason: "its archive is malformed (\(error))")
        } catch let error as SystemError {
            throw ImageError(error, "unpacking layer \(descriptor.digest) into \(directory)")
        }
    }

    private func unpack(_ queue: ChunkQueue) throws -> LayerRecord {
        try check("mkdir", directory) { mkdir(directory, 0o755) }
        let stream = LayerStream(queue, descriptor: descriptor, limit: limit)
        let reader = try TarReader(stream.next)
        let writer = try LayerWriter(directory: directory)
        while let entry = try reader.nextEntry() { try writer.write(entry, content: reader.forEachBlock) }
        try stream.finish(expecting: diffID)
        return try writer.finish(diffID: diffID, boot: boot)
    }
}
