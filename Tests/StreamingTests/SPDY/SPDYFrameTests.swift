import NIOCore
import Testing

@testable import Streaming

@Suite("SPDY frames") struct SPDYFrameTests {
    private static func bytes(_ write: (inout SPDYBytes) -> Void) -> ByteBuffer {
        var bytes = SPDYBytes()
        write(&bytes)
        return bytes.take()
    }

    private let block = ByteBuffer(string: "block")

    private var everyFrame: (bytes: ByteBuffer, frames: [SPDYFrame]) {
        var buffer = ByteBuffer()
        SPDYFrameEncoder.writeSynStream(stream: 1, isLast: true, block: block, into: &buffer)
        SPDYFrameEncoder.writeSynReply(stream: 1, block: block, into: &buffer)
        SPDYFrameEncoder.writeReset(stream: 3, status: .cancel, into: &buffer)
        SPDYFrameEncoder.writeSettings([SPDYSetting(id: 7, value: 99), SPDYSetting(id: 4, value: 1)], into: &buffer)
        SPDYFrameEncoder.writePing(5, into: &buffer)
        SPDYFrameEncoder.writeGoAway(lastStream: 9, status: .internalError, into: &buffer)
        SPDYFrameEncoder.writeWindowUpdate(stream: 1, delta: 1000, into: &buffer)
        SPDYFrameEncoder.writeDataHeader(stream: 1, count: 4, isLast: true, into: &buffer)
        buffer.writeString("data")
        buffer.writeImmutableBuffer(Self.bytes { $0.control(type: 8, flags: 1, [0, 0, 0, 1, 7]) })
        buffer.writeImmutableBuffer(Self.bytes { $0.control(type: 99, [1, 2, 3]) })
        return (
            buffer,
            [
                .synStream(stream: 1, isLast: true, isUnidirectional: false, block: block),
                .synReply(stream: 1, isLast: false, block: block),
                .rstStream(stream: 3, status: 5),
                .settings([SPDYSetting(id: 7, value: 99), SPDYSetting(id: 4, value: 1)]),
                .ping(5),
                .goAway(lastStream: 9, status: 2),
                .windowUpdate(stream: 1, delta: 1000),
                .data(stream: 1, bytes: ByteBuffer(string: "data"), isLast: true),
                .headers(stream: 1, isLast: true, block: ByteBuffer(bytes: [7])),
                .unknown(type: 99),
            ]
        )
    }

    @Test("every frame is read as it was written") func everyKind() throws {
        var decoder = SPDYFrameDecoder(controlFrameLimit: 1000)
        let (bytes, frames) = everyFrame
        #expect(try decoder.frames(bytes) == frames)
        #expect(decoder.unreadBytes == 0)
    }

    @Test("frames come out the same however the bytes are cut", arguments: 1...23) func cut(size: Int) throws {
        var decoder = SPDYFrameDecoder(controlFrameLimit: 1000)
        var (bytes, expected) = everyFrame
        var frames: [SPDYFrame] = []
        while let piece = bytes.readSlice(length: min(size, bytes.readableBytes)), piece.readableBytes > 0 {
            frames += try decoder.frames(piece)
        }
        #expect(Self.joined(frames) == Self.joined(expected))
    }

    /// Parts of one stream's data put together.
    private static func joined(_ frames: [SPDYFrame]) -> [SPDYFrame] {
        frames.reduce(into: []) { all, frame in
            if case .data(let stream, let more, let isLast) = frame, case .data(stream, var bytes, _)? = all.last {
                bytes.writeImmutableBuffer(more)
                all[all.count - 1] = .data(stream: stream, bytes: bytes, isLast: isLast)
            } else {
                all.append(frame)
            }
        }
    }

    @Test("a data frame of 16 MiB is passed on as it comes, and not held") func hugeData() throws {
        var decoder = SPDYFrameDecoder(controlFrameLimit: 1000)
        var buffer = ByteBuffer()
        SPDYFrameEncoder.writeDataHeader(stream: 1, count: 0xff_ffff, isLast: true, into: &buffer)
        decoder.append(buffer)
        var count = 0
        var last = false
        let piece = ByteBuffer(repeating: 1, count: 60_000)
        while !last {
            for case .data(1, let bytes, let isLast) in try decoder.frames(piece.getSlice(at: 0, length: min(60_000, 0xff_ffff - count)) ?? piece) {
                count += bytes.readableBytes
                last = isLast
            }
            #expect(decoder.unreadBytes == 0)
        }
        #expect(count == 0xff_ffff)
    }

    @Test("a control frame over the limit is refused by its header alone") func tooLong() {
        var decoder = SPDYFrameDecoder(controlFrameLimit: 100)
        #expect(throws: SPDYError.controlFrameTooLong(length: 101, limit: 100)) {
            try decoder.frames(Self.bytes { $0.control(type: 1, length: 101, []) })
        }
    }

    @Test("other versions are refused", arguments: [UInt16(0), 1, 2, 4, 0x7fff]) func wrongVersion(version: UInt16) {
        var decoder = SPDYFrameDecoder(controlFrameLimit: 100)
        #expect(throws: SPDYError.wrongVersion(version)) {
            try decoder.frames(Self.bytes { $0.control(version: version, type: 6, [0, 0, 0, 1]) })
        }
    }

    @Test(
        "frames of a wrong shape are refused",
        arguments: [
            (UInt16(1), [UInt8](), "SYN_STREAM"), (1, [0, 0, 0, 1], "SYN_STREAM"), (1, [0, 0, 0, 1, 0, 0, 0, 0, 0], "SYN_STREAM"),
            (2, [0, 0, 0], "SYN_REPLY"), (3, [0, 0, 0, 1], "RST_STREAM"), (3, [0, 0, 0, 1, 0, 0, 0, 1, 0], "RST_STREAM"),
            (4, [], "SETTINGS"), (4, [0, 0, 0, 1], "SETTINGS"), (4, [0xff, 0xff, 0xff, 0xff], "SETTINGS"),
            (4, [0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0], "SETTINGS"), (6, [], "PING"), (6, [0, 0, 0, 1, 0], "PING"), (7, [0, 0], "GOAWAY"),
            (7, [0, 0, 0, 1, 0, 0], "GOAWAY"), (8, [0], "HEADERS"), (9, [0, 0, 0, 1], "WINDOW_UPDATE"),
            (9, [0, 0, 0, 1, 0, 0, 0, 1, 2], "WINDOW_UPDATE"),
        ]) func malformed(type: UInt16, payload: [UInt8], name: String)
    {
        var decoder = SPDYFrameDecoder(controlFrameLimit: 100)
        #expect(throws: SPDYError.malformed(frame: name)) {
            try decoder.frames(Self.bytes { $0.control(type: type, payload) })
        }
    }

    @Test("stream 0 is refused where a stream is needed", arguments: [UInt16(1), 2, 3, 8]) func streamZero(type: UInt16) {
        var decoder = SPDYFrameDecoder(controlFrameLimit: 100)
        #expect(throws: SPDYError.streamZero) {
            try decoder.frames(Self.bytes { $0.control(type: type, [UInt8](repeating: 0, count: 10)) })
        }
    }

    @Test("data on stream 0 is refused") func dataOnStreamZero() {
        var decoder = SPDYFrameDecoder(controlFrameLimit: 100)
        #expect(throws: SPDYError.streamZero) { try decoder.frames(ByteBuffer(repeating: 0, count: 8)) }
    }

    @Test("noise never makes it hold more than one control frame", arguments: 0..<200) func noise(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var decoder = SPDYFrameDecoder(controlFrameLimit: 100)
        for _ in 0..<20 {
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            guard (try? decoder.frames(ByteBuffer(bytes: bytes))) != nil else { return }
            #expect(decoder.unreadBytes < 108)
        }
    }
}

/// The same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
