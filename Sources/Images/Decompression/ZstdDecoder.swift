import CZstd

/// Zstandard (RFC 8878), one frame or several, skippable ones (zstd:chunked) among them, through libzstd.
final class ZstdDecoder: LayerDecoder {
    private let context: OpaquePointer?
    private(set) var isComplete = false

    init() { context = ZSTD_createDCtx() }

    deinit { ZSTD_freeDCtx(context) }

    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(DecodingFailure) -> Step {
        // At a frame's end with nothing to read, another call would begin to wait for a frame that need not come.
        guard !(isComplete && input.isEmpty) else { return Step(consumed: 0, produced: 0) }
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let result = ZSTD_decompressStream(context, &target, &source)
        guard ZSTD_isError(result) == 0 else {
            throw DecodingFailure(description: "the zstd stream is malformed: \(String(cString: ZSTD_getErrorName(result)))")
        }
        isComplete = result == 0
        return Step(consumed: source.pos, produced: target.pos)
    }
}
