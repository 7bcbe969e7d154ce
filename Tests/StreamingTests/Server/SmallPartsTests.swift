import NIOCore
import Testing

@testable import Streaming

@Suite("Terminal sizes") struct ResizeDecoderTests {
    @Test("sizes are read however they are cut") func pieces() throws {
        var decoder = ResizeDecoder()
        #expect(try decoder.receive(ByteBuffer(string: #"{"Width":80,"Height":24}"#)) == TerminalSize(columns: 80, rows: 24))
        #expect(try decoder.receive(ByteBuffer(string: "\n{\"Width\"")) == nil)
        #expect(try decoder.receive(ByteBuffer(string: #":1,"Height":2}{"Width":3,"Height":4} {"W"#)) == TerminalSize(columns: 3, rows: 4))
    }

    @Test(
        "what is no size is refused",
        arguments: ["{}", #"{"Width":-1,"Height":2}"#, #"{"Width":99999,"Height":2}"#, #"{"Width":1}"#, "}", #"{"Width":"1","Height":1}"#])
    func malformed(text: String) {
        var decoder = ResizeDecoder()
        #expect(throws: ResizeDecoder.Malformed.self) { try decoder.receive(ByteBuffer(string: text)) }
    }

    @Test("what never ends is bounded") func endless() {
        var decoder = ResizeDecoder()
        #expect(throws: ResizeDecoder.Malformed.self) { try decoder.receive(ByteBuffer(repeating: 32, count: 2000)) }
    }
}

@Suite("Stream pairs") struct StreamPairsTests {
    private typealias Pairs = StreamPairs<Int>
    private let later = NIODeadline.uptimeNanoseconds(100)

    private func announcement(_ type: String, _ port: String, _ request: String?, stream: UInt32 = 1) -> Pairs.Announcement? {
        var values = [StreamHeaders.streamType: type, StreamHeaders.port: port]
        values[StreamHeaders.requestID] = request
        return Pairs.Announcement(StreamHeaders(values), stream: stream)
    }

    private func add(_ pairs: inout Pairs, _ stream: Int, _ type: String, _ port: String, _ request: String) throws -> Pairs.Outcome {
        pairs.add(stream, try #require(announcement(type, port, request)), deadline: later)
    }

    @Test("two streams of one request make a pair, in either order", arguments: [["data", "error"], ["error", "data"]])
    func pair(order: [String]) throws {
        var pairs = Pairs()
        guard case .incomplete = try add(&pairs, 1, order[0], "80", "0"), case .incomplete = try add(&pairs, 2, order[0], "80", "1"),
            case .complete(let pair) = try add(&pairs, 3, order[1], "80", "0")
        else {
            Issue.record("no pair")
            return
        }
        #expect(pair.port == 80)
        #expect([pair.data, pair.error] == (order[0] == "data" ? [1, 3] : [3, 1]))
        #expect(pairs.count == 1)
    }

    @Test("a second stream of one role, and another port, are refused") func refused() throws {
        var pairs = Pairs()
        _ = try add(&pairs, 1, "error", "80", "0")
        guard case .refused = try add(&pairs, 2, "error", "80", "0"), case .refused = try add(&pairs, 3, "data", "81", "0") else {
            Issue.record("not refused")
            return
        }
        #expect(pairs.count == 1)
    }

    @Test("old clients number no requests") func withoutNumbers() throws {
        let error = try #require(announcement("error", "80", nil, stream: 5))
        let data = try #require(announcement("data", "80", nil, stream: 7))
        #expect(error.requestID == data.requestID)
        #expect(announcement("data", "80", nil, stream: 1) != nil)
    }

    @Test("headers that make no sense are refused") func headers() {
        #expect(announcement("stdin", "80", "0") == nil)
        for port in ["", "0", "-1", "65536", "http"] { #expect(announcement("data", port, "0") == nil) }
        #expect(Pairs.Announcement([:], stream: 1) == nil)
    }

    @Test("streams without their other expire, those given up are forgotten") func expiry() throws {
        var pairs = Pairs()
        _ = try add(&pairs, 1, "error", "80", "0")
        _ = try add(&pairs, 2, "error", "80", "1")
        pairs.remove { $0 == 2 }
        #expect(pairs.expire(at: .uptimeNanoseconds(99)).isEmpty)
        #expect(pairs.expire(at: later).map(\.stream) == [1])
        #expect(pairs.count == 0)
    }
}
