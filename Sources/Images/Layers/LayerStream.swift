import struct Crypto.SHA256
import NIOCore
import OCI

/// A layer's archive as it comes out of its download: hashed on both sides of the decompression and counted. It is read by
/// one thread, piece by piece.
final class LayerStream {
    private let queue: ChunkQueue
    private let decompressor: any Decompressor
    private let layer: Digest
    private let limit: Int64
    private let output: UnsafeMutableRawBufferPointer
    private var input = ByteBuffer()
    private var compressed = SHA256()
    private var uncompressed = SHA256()
    private var ended = false
    private(set) var count: Int64 = 0

    /// - Parameter limit: uncompressed bytes that the layer may have.
    init(queue: ChunkQueue, compression: LayerCompression, layer: Digest, limit: Int64) throws {
        self.queue = queue
        decompressor = try compression.makeDecompressor()
        self.layer = layer
        self.limit = limit
        output = .allocate(byteCount: 1 << 18, alignment: 64)
    }

    deinit { output.deallocate() }

    /// The next piece of the archive, which holds until the next call; empty at the end.
    /// - Throws: `ImageError`, and what the download failed with.
    func next() throws -> UnsafeRawBufferPointer {
        while true {
            if input.readableBytes == 0, !ended { try refill() }
            let (taken, written) = try decompress()
            input.moveReaderIndex(forwardBy: taken)
            if written > 0 { return try counted(written) }
            if ended, taken == 0 {
                do { try decompressor.finish() } catch { throw ImageError.corrupt(layer: layer, reason: "\(error)") }
                return UnsafeRawBufferPointer(start: nil, count: 0)
            }
        }
    }

    private func refill() throws {
        guard let chunk = try queue.pop() else {
            ended = true
            return
        }
        input = chunk
        input.withUnsafeReadableBytes { compressed.update(bufferPointer: $0) }
    }

    private func decompress() throws -> (taken: Int, written: Int) {
        do {
            return try input.withUnsafeReadableBytes { try decompressor.run($0, into: output) }
        } catch {
            throw ImageError.corrupt(layer: layer, reason: "\(error)")
        }
    }

    private func counted(_ written: Int) throws -> UnsafeRawBufferPointer {
        count += Int64(written)
        guard count <= limit else { throw ImageError.tooLarge(layer: layer, limit: limit) }
        let piece = UnsafeRawBufferPointer(rebasing: output[..<written])
        uncompressed.update(bufferPointer: piece)
        return piece
    }

    /// Reads to the end and checks both digests. What follows a tar's end counts to the digest, too.
    /// - Throws: `ImageError.digestMismatch`.
    func verify(diffID: Digest) throws {
        while try !next().isEmpty {}
        let actual = Digest(bytes: compressed.finalize())
        guard actual == layer else {
            throw ImageError.digestMismatch(what: "a layer", expected: "\(layer)", actual: actual?.description ?? "none")
        }
        let difference = Digest(bytes: uncompressed.finalize())
        guard difference == diffID else {
            throw ImageError.digestMismatch(
                what: "the archive in layer \(layer)", expected: "\(diffID)", actual: difference?.description ?? "none")
        }
    }
}
