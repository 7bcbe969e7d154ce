/// Undoes a layer's compression, a piece at a time. A value of bytes in, bytes out: no I/O.
protocol LayerDecoder: AnyObject {
    /// Decodes as much of `input` as fits into `output`. Output may come without input, until all has come.
    /// - Throws: ``DecodingFailure``.
    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(DecodingFailure) -> Step

    /// Whether the stream may end where it is now.
    var isComplete: Bool { get }
}

/// Bytes that one call to `decode` took and gave.
struct Step: Equatable {
    var consumed: Int
    var produced: Int
}

/// A stream that is not what its compression says.
struct DecodingFailure: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// How a layer is compressed, by its first bytes: what media types say of it is often wrong.
enum Compression: Equatable {
    case gzip, zstd, none

    /// So many bytes decide.
    static let decisive = 4

    init(firstBytes bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes.prefix(Self.decisive))
        let isSkippableFrame = bytes.count == 4 && bytes[0] & 0xf0 == 0x50 && bytes[1...] == [0x2a, 0x4d, 0x18]
        if bytes.starts(with: [0x1f, 0x8b, 8]) {
            self = .gzip
        } else if bytes == [0x28, 0xb5, 0x2f, 0xfd] || isSkippableFrame {
            self = .zstd
        } else {
            self = .none
        }
    }

    func makeDecoder() -> any LayerDecoder {
        switch self {
        case .gzip: GzipDecoder()
        case .zstd: ZstdDecoder()
        case .none: PlainDecoder()
        }
    }
}

/// What is not compressed passes as it is.
final class PlainDecoder: LayerDecoder {
    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(DecodingFailure) -> Step {
        let count = min(input.count, output.count)
        output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
        return Step(consumed: count, produced: count)
    }

    var isComplete: Bool { true }
}
