import NIOCore
import OCI

import struct Crypto.SHA256

/// A layer's archive as it comes out of its download: decompressed, counted, and hashed on both sides. For one thread.
final class LayerStream {
    private let queue: ChunkQueue
    private let descriptor: Descriptor
    private let limit: Int64
    private let output: UnsafeMutableRawBufferPointer
    private var decoder: (any LayerDecoder)?
    private var input = ByteBuffer()
    private var inputEnded = false
    private var compressed = SHA256()
    private var uncompressed = SHA256()
    private var received: Int64 = 0
    private var produced: Int64 = 0

    /// Fits into a processor's second-level cache beside the decoder's window.
    private static let pieceSize = 256 << 10

    /// - Parameter limit: bytes that the archive may have.
    init(_ queue: ChunkQueue, descriptor: Descriptor, limit: Int64) {
        (self.queue, self.descriptor, self.limit) = (queue, descriptor, limit)
        output = .allocate(byteCount: Self.pieceSize, alignment: 64)
    }

    deinit { output.deallocate() }

    /// The next piece of the archive, valid until the next call; empty at the end.
    /// - Throws: `ImageError`, and what the download failed with.
    func next() throws -> UnsafeRawBufferPointer {
        let decoder = try decoder ?? begin()
        while true {
            if input.readableBytes == 0, !inputEnded { try refill() }
            let step = try decode(decoder)
            input.moveReaderIndex(forwardBy: step.consumed)
            if step.produced > 0 { return try hashed(step.produced) }
            guard step.consumed == 0 else { continue }
            guard input.readableBytes == 0 else { throw corrupt("its decompression does not go on") }
            guard inputEnded else { continue }
            guard decoder.isComplete else { throw corrupt("its compressed data ends too early") }
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
    }

    /// Reads what follows the archive's own end, which belongs to the digests, and verifies both.
    /// - Throws: `ImageError.digestMismatch`, `.corrupt`.
    func finish(expecting diffID: Digest) throws {
        while try !next().isEmpty {}
        // Registries are held to the size by their client; this holds every other source to it.
        guard received == descriptor.size else { throw corrupt("it has \(received) bytes, and its manifest says \(descriptor.size)") }
        try verify(compressed.finalize(), descriptor.digest, "layer \(descriptor.digest)")
        try verify(uncompressed.finalize(), diffID, "the archive in layer \(descriptor.digest)")
    }

    /// Looks at the first bytes for how the layer is compressed.
    private func begin() throws -> any LayerDecoder {
        while input.readableBytes < Compression.decisive, !inputEnded { try refill() }
        let made = Compression(firstBytes: input.readableBytesView).makeDecoder()
        decoder = made
        return made
    }

    private func refill() throws {
        guard var chunk = try queue.pop() else {
            inputEnded = true
            return
        }
        received += Int64(chunk.readableBytes)
        chunk.withUnsafeReadableBytes { compressed.update(bufferPointer: $0) }
        if input.readableBytes == 0 { input = chunk } else { input.writeBuffer(&chunk) }
    }

    private func decode(_ decoder: any LayerDecoder) throws -> Step {
        do {
            return try input.withUnsafeReadableBytes { try decoder.decode($0, into: output) }
        } catch {
            throw corrupt("\(error)")
        }
    }

    private func hashed(_ count: Int) throws -> UnsafeRawBufferPointer {
        produced += Int64(count)
        guard produced <= limit else { throw ImageError.tooLarge("layer \(descriptor.digest), unpacked,", limit: limit) }
        let piece = UnsafeRawBufferPointer(rebasing: output[..<count])
        uncompressed.update(bufferPointer: piece)
        return piece
    }

    private func verify(_ sum: SHA256.Digest, _ expected: Digest, _ what: String) throws {
        guard let actual = Digest(bytes: sum), actual != expected else { return }
        throw ImageError.digestMismatch(what, expected: expected, actual: actual)
    }

    private func corrupt(_ reason: String) -> ImageError { .corrupt("layer \(descriptor.digest)", reason: reason) }
}
