import CZlib
import NIOCore
import Testing

@testable import Streaming

@Suite("SPDY headers") struct StreamHeadersTests {
    @Test("the dictionary is SPDY's") func dictionary() {
        let bytes = HeaderDictionary.bytes
        #expect(adler32(adler32(0, nil, 0), bytes, UInt32(bytes.count)) == 0xe3c6_a7c2)
    }

    @Test("blocks of one connection share their compression") func roundTrip() throws {
        var deflater = HeaderDeflater()
        var inflater = HeaderInflater()
        var lengths: [Int] = []
        for number in 0..<200 {
            let headers: StreamHeaders = ["streamtype": "data", "port": "8080", "requestid": "\(number)"]
            let compressed = deflater.deflate(headers.block)
            lengths.append(compressed.readableBytes)
            let block = try inflater.inflate(compressed, limit: 1000)
            #expect(try StreamHeaders(block: block, limit: 10) == headers)
        }
        #expect(lengths[100] < lengths[0])
    }

    @Test("a block that Go's zlib made is read") func foreignBlock() throws {
        // streamType: error, as moby/spdystream sends it: level 9, a window of 32 KiB.
        var foreign = ForeignDeflater()
        var inflater = HeaderInflater()
        let headers: StreamHeaders = ["streamtype": "error"]
        #expect(try StreamHeaders(block: inflater.inflate(foreign.deflate(headers.block), limit: 100), limit: 10) == headers)
    }

    @Test("what is no zlib, or has another dictionary, is refused", arguments: [[], [1, 2, 3, 4], [0x78, 0xbb, 0, 0, 0, 1, 0, 0]])
    func badZlib(bytes: [UInt8]) throws {
        var inflater = HeaderInflater()
        guard !bytes.isEmpty else {
            #expect(try inflater.inflate(ByteBuffer(), limit: 100).readableBytes == 0)
            return
        }
        let refused = #expect(throws: SPDYError.self) { try inflater.inflate(ByteBuffer(bytes: bytes), limit: 100) }
        #expect(refused == .headersNotCompressed)
    }

    @Test("a bomb is stopped at the limit") func bomb() {
        var deflater = HeaderDeflater()
        var inflater = HeaderInflater()
        let compressed = deflater.deflate(ByteBuffer(repeating: 0, count: 16 << 20))
        #expect(compressed.readableBytes < 200_000)
        let refused = #expect(throws: SPDYError.self) { try inflater.inflate(compressed, limit: 32 << 10) }
        #expect(refused == .headersTooLong(limit: 32 << 10))
    }

    @Test("a block of exactly the limit is read") func limit() throws {
        var deflater = HeaderDeflater()
        var inflater = HeaderInflater()
        #expect(try inflater.inflate(deflater.deflate(ByteBuffer(repeating: 7, count: 500)), limit: 500).readableBytes == 500)
    }

    @Test(
        "blocks of a wrong shape are refused",
        arguments: [
            [], [0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1, 0, 0, 0, 1], [0, 0, 0, 1, 0, 0, 0, 1, 97], [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 97],
            [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 1, 65, 0, 0, 0, 0], [0, 0, 0, 0, 1],
            [0, 0, 0, 2, 0, 0, 0, 1, 97, 0, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 0, 0],
        ] as [[UInt8]]) func malformed(block: [UInt8])
    {
        #expect(throws: SPDYError.malformedHeaders) { try StreamHeaders(block: ByteBuffer(bytes: block), limit: 10) }
    }

    @Test("more headers than the limit are refused, whatever number is claimed") func tooMany() {
        #expect(throws: SPDYError.tooManyHeaders(limit: 10)) {
            try StreamHeaders(block: ByteBuffer(bytes: [0xff, 0xff, 0xff, 0xff]), limit: 10)
        }
    }
}

/// Compresses as Go's compress/zlib does in moby/spdystream.
private struct ForeignDeflater: ~Copyable {
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    init() {
        stream.initialize(to: z_stream())
        deflateInit2_(stream, 9, Z_DEFLATED, 15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        deflateSetDictionary(stream, HeaderDictionary.bytes, UInt32(HeaderDictionary.bytes.count))
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    mutating func deflate(_ block: ByteBuffer) -> ByteBuffer {
        var input = Array(block.readableBytesView)
        var output = [UInt8](repeating: 0, count: 4096)
        let count = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.pointee.next_in = input.baseAddress
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                _ = CZlib.deflate(stream, Z_SYNC_FLUSH)
                return output.count - Int(stream.pointee.avail_out)
            }
        }
        return ByteBuffer(bytes: output[..<count])
    }
}
