import Testing

@testable import Images

@Suite struct DecoderTests {
    static let content = (0..<20_000).flatMap { Array("line \($0 % 700) \($0)\n".utf8) }

    /// Decodes with pieces of input and output of the given sizes.
    static func decode(_ input: [UInt8], pieces: [Int], room: Int) throws -> (output: [UInt8], isComplete: Bool) {
        let decoder = Compression(firstBytes: input).makeDecoder()
        var (result, rest, index) = ([UInt8](), input[...], 0)
        while true {
            let piece = rest.prefix(pieces[index % pieces.count])
            index += 1
            var left = piece
            repeat {
                var buffer = [UInt8](repeating: 0, count: room)
                let step = try left.withUnsafeBytes { source in try buffer.withUnsafeMutableBytes { try decoder.decode(source, into: $0) } }
                result += buffer[..<step.produced]
                left = left.dropFirst(step.consumed)
                if step == Step(consumed: 0, produced: 0) { break }
            } while true
            guard left.isEmpty else { throw DecodingFailure(description: "stuck") }
            rest = rest.dropFirst(piece.count)
            if rest.isEmpty { return (result, decoder.isComplete) }
        }
    }

    @Test func compressionIsSeenInTheBytes() {
        #expect(Compression(firstBytes: gzip([1])) == .gzip)
        #expect(Compression(firstBytes: zstd([1])) == .zstd)
        #expect(Compression(firstBytes: [0x5e, 0x2a, 0x4d, 0x18, 9]) == .zstd)
        for bytes in [[], [0x1f], [0x1f, 0x8b], Array("usr/".utf8), [0, 0, 0, 0]] as [[UInt8]] {
            #expect(Compression(firstBytes: bytes) == .none)
        }
    }

    @Test(arguments: [1, 7, 4096, 1 << 20], [1 << 10, 1 << 18]) func piecesOfAnySize(piece: Int, room: Int) throws {
        let content = piece < 100 ? Array(Self.content.prefix(20_000)) : Self.content
        for input in [gzip(content), zstd(content), [0] + content] {
            let decoded = try Self.decode(input, pieces: [piece, piece + 1], room: room)
            #expect(decoded.output == (input.count > content.count ? input : content))
            #expect(decoded.isComplete)
        }
    }

    /// Wherever the boundary between members falls within the pieces.
    @Test func membersAndFramesFollowEachOther() throws {
        let (first, second) = (Array("first member ".utf8), Array("second member".utf8))
        for compress in [gzip, zstd] {
            let input = compress(first) + compress(second) + compress([])
            for split in 1..<input.count {
                let decoded = try Self.decode(input, pieces: [split, input.count], room: 64)
                #expect(decoded.output == first + second)
                #expect(decoded.isComplete)
            }
        }
    }

    @Test func truncatedAnywhereIsNotComplete() throws {
        let content = Array("some content that is not long".utf8)
        for input in [gzip(content), gzip([]) + gzip(content), zstd(content)] {
            let boundary =
                input.count - (input.starts(with: gzip([])) && input.count > gzip(content).count ? gzip(content).count : input.count)
            for length in 4..<input.count where length != boundary {
                let decoded = try Self.decode(Array(input.prefix(length)), pieces: [length], room: 1024)
                #expect(!decoded.isComplete, "\(length) of \(input.count)")
            }
        }
    }

    /// Every bit of a stream matters: a flipped one is an error, or, in the few that mean nothing, the same content.
    @Test func flippedBitsAreSeen() throws {
        let content = Array("abcabcabcabcabc, and something else".utf8)
        let input = gzip(content)
        for bit in (3 * 8)..<(input.count * 8) {
            var damaged = input
            damaged[bit / 8] ^= 1 << (bit % 8)
            guard let decoded = try? Self.decode(damaged, pieces: [damaged.count], room: 1024) else { continue }
            #expect(!decoded.isComplete || decoded.output == content, "bit \(bit)")
        }
    }

    @Test func whatFollowsGzipMustBeGzip() {
        #expect(throws: DecodingFailure.self) { try Self.decode(gzip([1]) + [0, 0, 0], pieces: [1000], room: 100) }
    }
}
