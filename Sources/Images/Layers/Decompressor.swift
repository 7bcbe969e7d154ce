import CISAL
import CZstd
import OCI

/// Undoes a layer's compression, piece by piece. Not to be shared between threads.
protocol Decompressor: AnyObject {
    /// Takes from `input` and writes to `output` as much as fits.
    /// - Returns: bytes taken and bytes written. Both are zero only where more input is needed.
    /// - Throws: `DecompressionError`.
    func run(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws -> (taken: Int, written: Int)
    /// Says that the input has ended.
    /// - Throws: `DecompressionError.truncated` in the middle of something.
    func finish() throws
}

enum DecompressionError: Error, CustomStringConvertible {
    case truncated
    case malformed(String)

    var description: String {
        switch self {
        case .truncated: "its compressed data ends too early"
        case .malformed(let reason): "its compressed data is damaged (\(reason))"
        }
    }
}

/// A layer that is not compressed.
final class PlainCopy: Decompressor {
    func run(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws -> (taken: Int, written: Int) {
        let count = min(input.count, output.count)
        output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
        return (count, count)
    }

    func finish() throws {}
}

/// gzip (RFC 1952) of any number of members, by ISA-L.
final class GzipDecompressor: Decompressor {
    private let state: UnsafeMutablePointer<inflate_state>
    /// Whether a member has begun and not ended.
    private var inMember = false

    init() {
        state = .allocate(capacity: 1)
        isal_inflate_init(state)
        state.pointee.crc_flag = UInt32(ISAL_GZIP)
    }

    deinit { state.deallocate() }

    func run(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws -> (taken: Int, written: Int) {
        if state.pointee.block_state == ISAL_BLOCK_FINISH {
            // Zeros may pad what lies between members.
            let padding = input.prefix { $0 == 0 }.count
            if padding > 0 { return (padding, 0) }
            guard !input.isEmpty else { return (0, 0) }
            isal_inflate_reset(state)
            state.pointee.crc_flag = UInt32(ISAL_GZIP)
        }
        guard !input.isEmpty || inMember else { return (0, 0) }
        inMember = true
        state.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
        state.pointee.avail_in = UInt32(input.count)
        state.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
        state.pointee.avail_out = UInt32(output.count)
        let result = isal_inflate(state)
        guard result == ISAL_DECOMP_OK else { throw DecompressionError.malformed("inflate error \(result)") }
        if state.pointee.block_state == ISAL_BLOCK_FINISH { inMember = false }
        return (input.count - Int(state.pointee.avail_in), output.count - Int(state.pointee.avail_out))
    }

    func finish() throws {
        if inMember { throw DecompressionError.truncated }
    }
}

/// Zstandard (RFC 8878) of any number of frames.
final class ZstdDecompressor: Decompressor {
    private let stream: OpaquePointer
    private var expected = 0

    init() throws {
        guard let stream = ZSTD_createDStream() else { throw DecompressionError.malformed("no memory for zstd") }
        self.stream = stream
        // 128 MiB, the most that the format asks every decoder for with --long.
        ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 27)
    }

    deinit { ZSTD_freeDStream(stream) }

    func run(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws -> (taken: Int, written: Int) {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let result = ZSTD_decompressStream(stream, &target, &source)
        guard ZSTD_isError(result) == 0 else { throw DecompressionError.malformed(String(cString: ZSTD_getErrorName(result))) }
        expected = result
        return (source.pos, target.pos)
    }

    func finish() throws {
        if expected != 0 { throw DecompressionError.truncated }
    }
}

/// How a layer is compressed, by its media type.
enum LayerCompression: Equatable {
    case none, gzip, zstd

    /// Nil for what is no layer.
    init?(mediaType: String) {
        switch mediaType {
        case MediaType.ociLayer, MediaType.dockerLayer, "application/vnd.oci.image.layer.nondistributable.v1.tar": self = .none
        case MediaType.ociLayerGzip, MediaType.dockerLayerGzip, MediaType.dockerForeignLayerGzip,
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip":
            self = .gzip
        case MediaType.ociLayerZstd, "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
            "application/vnd.docker.image.rootfs.diff.tar.zstd":
            self = .zstd
        default: return nil
        }
    }

    func makeDecompressor() throws -> any Decompressor {
        switch self {
        case .none: PlainCopy()
        case .gzip: GzipDecompressor()
        case .zstd: try ZstdDecompressor()
        }
    }
}
