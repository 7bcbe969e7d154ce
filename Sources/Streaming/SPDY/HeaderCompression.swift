import CZlib
import NIOCore

/// Inflates the header blocks of one connection, which share one zlib stream.
package struct HeaderInflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>

    package init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        inflateInit_(stream, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
    }

    deinit {
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// - Parameter limit: most bytes to inflate to: what a small block can grow into has no other bound.
    package mutating func inflate(_ block: ByteBuffer, limit: Int) throws(SPDYError) -> ByteBuffer {
        var input = Array(block.readableBytesView)
        var output = [UInt8](repeating: 0, count: limit + 1)
        let produced = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in run(input, output) }
        }
        guard let produced else { throw .headersNotCompressed }
        guard produced <= limit else { throw .headersTooLong(limit: limit) }
        return ByteBuffer(bytes: output[..<produced])
    }

    /// The number of bytes produced, nil for input that is not what a SPDY peer compresses.
    private mutating func run(_ input: UnsafeMutableBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>) -> Int? {
        stream.pointee.next_in = input.baseAddress
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress
        stream.pointee.avail_out = UInt32(output.count)
        while stream.pointee.avail_out > 0 {
            let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
            if status == Z_NEED_DICT {
                let dictionary = HeaderDictionary.bytes
                guard inflateSetDictionary(stream, dictionary, UInt32(dictionary.count)) == Z_OK else { return nil }
                continue
            }
            // No progress: all that could be made of this block has been made.
            if status == Z_BUF_ERROR { break }
            guard status == Z_OK else { return nil }
            if stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 { break }
        }
        return output.count - Int(stream.pointee.avail_out)
    }
}

/// Compresses the header blocks of one connection.
package struct HeaderDeflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>

    package init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // Replies are a few bytes long: the smallest window and memory that zlib has cost 9 KiB a connection, not 256.
        deflateInit2_(
            stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 9, 1, Z_DEFAULT_STRATEGY, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        deflateSetDictionary(stream, HeaderDictionary.bytes, UInt32(HeaderDictionary.bytes.count))
    }

    deinit {
        deflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    package mutating func deflate(_ block: ByteBuffer) -> ByteBuffer {
        var input = Array(block.readableBytesView)
        var compressed = ByteBuffer()
        var chunk = [UInt8](repeating: 0, count: 512)
        input.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                let count = chunk.withUnsafeMutableBufferPointer { chunk in
                    stream.pointee.next_out = chunk.baseAddress
                    stream.pointee.avail_out = UInt32(chunk.count)
                    _ = CZlib.deflate(stream, Z_SYNC_FLUSH)
                    return chunk.count - Int(stream.pointee.avail_out)
                }
                compressed.writeBytes(chunk[..<count])
            } while stream.pointee.avail_out == 0
        }
        return compressed
    }
}
