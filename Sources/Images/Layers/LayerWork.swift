import Glibc
import CLinux
import Linux
import OCI

/// The work on one layer that keeps a processor busy: decompressing, hashing, unpacking. It has a thread of its own.
struct LayerWork: Sendable {
    let layer: Digest
    let diffID: Digest
    let compression: LayerCompression
    let limit: Int64
    let directory: String

    /// - Returns: bytes and inodes of what was unpacked.
    /// - Throws: `ImageError`, and what the download failed with.
    func run(_ queue: ChunkQueue) async throws -> (bytes: UInt64, inodes: UInt64) {
        try await withCheckedThrowingContinuation { continuation in
            startThread(named: "layer") {
                let result = Result { try unpack(queue) }
                // A producer that still has something must not wait for a reader that has gone.
                queue.close()
                continuation.resume(with: result)
            }
        }
    }

    private func unpack(_ queue: ChunkQueue) throws -> (bytes: UInt64, inodes: UInt64) {
        // The umask belongs to a thread only once it no longer shares its file system attributes.
        _ = clinux_unshare(0x200)
        umask(0)
        do {
            try Files.makeDirectories(directory, mode: 0o755)
        } catch {
            throw ImageError.system("unpacking layer \(layer)", error)
        }
        let stream = try LayerStream(queue: queue, compression: compression, layer: layer, limit: limit)
        let unpacker = try LayerUnpacker(layer: layer, into: directory)
        try unpacker.unpack(try ArchiveReader { try stream.next() })
        try stream.verify(diffID: diffID)
        return (unpacker.bytes, unpacker.inodes)
    }
}
