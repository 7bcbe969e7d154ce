import Glibc
import NIOCore
import NIOHPACK

/// A client that writes HTTP/2 frames byte by byte, RFC 9113 section 4.1, and answers none but the server's settings. Blocks.
final class RawConnection {
    struct Frame {
        let type: UInt8
        let flags: UInt8
        let stream: UInt32
        var payload: ByteBuffer
    }

    struct Ended: Error {}

    enum Kind {
        static let data: UInt8 = 0, headers: UInt8 = 1, priority: UInt8 = 2, reset: UInt8 = 3, settings: UInt8 = 4
        static let ping: UInt8 = 6, goAway: UInt8 = 7, windowUpdate: UInt8 = 8
    }

    private let descriptor: CInt
    private var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
    private var received = ByteBuffer()
    private var unsent = ByteBuffer()
    private var next: UInt32 = 1
    /// What each stream was answered.
    private(set) var answers: [UInt32: [(name: String, value: String)]] = [:]
    private(set) var goneAway: [(lastStream: UInt32, code: UInt32)] = []
    private(set) var pongs = 0
    private var hasSettings = false
    private(set) var bytes: [UInt32: ByteBuffer] = [:]

    init(path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        guard status == 0 else { throw Ended() }
        // A test that waits for what never comes fails.
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        unsent.writeString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        send(Kind.settings)
        try flush()
        try receive { $0.hasSettings }
        send(Kind.settings, flags: 1)
        try flush()
    }

    deinit { close(descriptor) }

    /// Puts a frame behind what goes out with the next flush.
    func send(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: ByteBuffer = ByteBuffer()) {
        unsent.writeInteger(UInt32(payload.readableBytes) << 8 | UInt32(type))
        unsent.writeInteger(flags)
        unsent.writeInteger(stream)
        unsent.writeImmutableBuffer(payload)
    }

    /// Opens a stream for a call. Headers are literals, RFC 7541 section 6.2.2.
    func open(_ path: String, ends: Bool = false, _ more: [(String, String)] = []) -> UInt32 {
        let stream = next
        next += 2
        var block = ByteBuffer()
        let headers =
            [
                (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
                ("content-type", "application/grpc"), ("te", "trailers"),
            ] + more
        for (name, value) in headers {
            block.writeInteger(UInt8(0))
            for text in [name, value] {
                block.writeInteger(UInt8(text.utf8.count))
                block.writeString(text)
            }
        }
        send(Kind.headers, flags: ends ? 5 : 4, stream: stream, block)
        return stream
    }

    /// A whole call with one message.
    func call(_ path: String, _ message: String = "") -> UInt32 {
        let stream = open(path)
        send(Kind.data, flags: 1, stream: stream, Self.message(message))
        return stream
    }

    static func message(_ text: String) -> ByteBuffer {
        var payload = ByteBuffer()
        payload.writeMultipleIntegers(UInt8(0), UInt32(text.utf8.count))
        payload.writeString(text)
        return payload
    }

    func flush() throws {
        while unsent.readableBytes > 0 {
            let count = unsent.withUnsafeReadableBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Ended() }
            unsent.moveReaderIndex(forwardBy: count)
        }
        unsent.clear()
    }

    /// Reads until `isEnough`.
    /// - Throws: `Ended` where the server closes before.
    func receive(until isEnough: (RawConnection) -> Bool) throws {
        while !isEnough(self) {
            if let frame = nextFrame() {
                take(frame)
                continue
            }
            var chunk = [UInt8](repeating: 0, count: 65536)
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { throw Ended() }
            received.writeBytes(chunk[..<count])
        }
    }

    /// The gRPC status of a stream's answer.
    func status(_ stream: UInt32) -> Int? {
        answers[stream]?.first { $0.name == "grpc-status" }.flatMap { Int($0.value) }
    }

    private func nextFrame() -> Frame? {
        guard let start = received.getInteger(at: received.readerIndex, as: UInt32.self) else { return nil }
        let length = Int(start >> 8)
        guard received.readableBytes >= 9 + length else { return nil }
        received.moveReaderIndex(forwardBy: 4)
        guard let (flags, stream) = received.readMultipleIntegers(as: (UInt8, UInt32).self),
            let payload = received.readSlice(length: length)
        else { return nil }
        received.discardReadBytes()
        return Frame(type: UInt8(truncatingIfNeeded: start), flags: flags, stream: stream, payload: payload)
    }

    private func take(_ frame: Frame) {
        var frame = frame
        switch frame.type {
        case Kind.headers:
            let headers = (try? decoder.decodeHeaders(from: &frame.payload)) ?? [:]
            answers[frame.stream, default: []] += headers.map { ($0.name, $0.value) }
        case Kind.data: bytes[frame.stream, default: ByteBuffer()].writeImmutableBuffer(frame.payload)
        case Kind.ping: pongs += 1
        case Kind.settings: hasSettings = hasSettings || frame.flags == 0
        case Kind.goAway:
            if let (last, code) = frame.payload.readMultipleIntegers(as: (UInt32, UInt32).self) { goneAway.append((last, code)) }
        default: break
        }
    }
}
