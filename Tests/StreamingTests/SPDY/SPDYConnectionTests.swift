import NIOCore
import Testing

@testable import Streaming

@Suite("A SPDY connection") struct SPDYConnectionTests {
    @Test("a stream is opened, answered, used both ways and ended") func life() throws {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        bytes.open(1, ["streamtype": "stdin"])
        bytes.data(1, "hello")
        bytes.data(1, "", isLast: true)
        let events = try connection.events(bytes.take())
        #expect(events == [.opened(1, ["streamtype": "stdin"]), .data(1, ByteBuffer(string: "hello")), .ended(1)])
        connection.accept(1)
        let header = connection.data(on: 1, count: 3)
        #expect(header == ByteBuffer(bytes: [0, 0, 0, 1, 0, 0, 0, 3]))
        connection.finish(1)
        connection.finish(1)
        let sent = try connection.sent()
        #expect(sent.count == 2)
        guard case .synReply(1, false, _)? = sent.first else { throw SPDYError.closed }
        #expect(sent.last == .data(stream: 1, bytes: ByteBuffer(), isLast: true))
        let (window, after, streams) = (connection.window(of: 1), connection.data(on: 1, count: 1), connection.streamCount)
        #expect(window == 0)
        #expect(after == nil)
        #expect(streams == 0)
    }

    @Test("the last data may bear the end") func dataWithEnd() throws {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        bytes.open(1)
        bytes.data(1, "x", isLast: true)
        let events = try connection.events(bytes.take())
        #expect(events == [.opened(1, [:]), .data(1, ByteBuffer(string: "x")), .ended(1)])
    }

    @Test("a stream may be opened and ended at once") func openedAndEnded() throws {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        bytes.open(1, isLast: true)
        let events = try connection.events(bytes.take())
        #expect(events == [.opened(1, [:]), .ended(1)])
    }

    @Test("data after the end breaks the stream, not the connection") func dataAfterEnd() throws {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        bytes.open(1, isLast: true)
        bytes.data(1, "more")
        let events = try connection.events(bytes.take())
        #expect(events.last == .reset(1))
        #expect(try connection.sent() == [.rstStream(stream: 1, status: 1)])
    }

    @Test("data for a stream that never was is answered, for one that was is not") func unknownStream() throws {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        bytes.data(7, "x")
        bytes.open(9)
        SPDYFrameEncoder.writeReset(stream: 9, status: .cancel, into: &bytes.buffer)
        bytes.data(9, "late")
        bytes.data(3, "late")
        SPDYFrameEncoder.writeReset(stream: 9, status: .cancel, into: &bytes.buffer)
        SPDYFrameEncoder.writeWindowUpdate(stream: 9, delta: 5, into: &bytes.buffer)
        let events = try connection.events(bytes.take())
        #expect(events == [.opened(9, [:]), .reset(9), .windowsChanged])
        #expect(try connection.sent() == [.rstStream(stream: 7, status: 2)])
    }

    @Test("even, repeated and falling numbers end the connection", arguments: [UInt32(2), 5, 3]) func invalidNumber(stream: UInt32) throws {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        bytes.open(5)
        bytes.open(stream)
        connection.receive(bytes.take())
        _ = try connection.next()
        #expect(throws: SPDYError.invalidStreamID(stream)) { try connection.next() }
        #expect(throws: SPDYError.closed) { try connection.next() }
        #expect(try connection.sent() == [.goAway(lastStream: 5, status: 1)])
        connection.receive(ByteBuffer(repeating: 0, count: 100))
        #expect(throws: SPDYError.closed) { try connection.next() }
    }

    @Test("pings of the client are answered, its own are not") func ping() throws {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        for id in [UInt32(1), 2, 3] { SPDYFrameEncoder.writePing(id, into: &bytes.buffer) }
        #expect(try connection.events(bytes.take()) == [])
        #expect(try connection.sent() == [.ping(1), .ping(3)])
    }

    @Test("frames of unknown types are skipped") func unknownFrame() throws {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        bytes.control(type: 10, [1, 2, 3])
        bytes.open(1)
        #expect(try connection.events(bytes.take()) == [.opened(1, [:])])
    }

    @Test("thousands of streams are open at once, and no more than the limit") func manyStreams() throws {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        for number in 0..<5000 { bytes.open(UInt32(2 * number + 1), ["requestid": "\(number)"]) }
        let events = try connection.events(bytes.take())
        #expect(events.count == 4096)
        let (count, sent) = (connection.streamCount, try connection.sent())
        #expect(count == 4096)
        #expect(sent.count == 5000 - 4096)
        #expect(sent.allSatisfy { if case .rstStream(_, 3) = $0 { true } else { false } })
        connection.reset(1, .cancel)
        bytes.open(20001)
        #expect(try connection.events(bytes.take()) == [.opened(20001, [:])])
    }

    @Test("headers of refused and unknown streams still count for the compression") func compressionGoesOn() throws {
        var bytes = SPDYBytes()
        var limits = SPDYLimits()
        limits.streams = 1
        var connection = SPDYConnection(limits: limits)
        bytes.open(1, ["a": "first"])
        bytes.open(3, ["b": "refused"])
        let more: StreamHeaders = ["c": "more"]
        bytes.control(type: 8, [0, 0, 0, 99] + bytes.compress(more.block))
        bytes.control(type: 2, [0, 0, 0, 98] + bytes.compress(more.block))
        var events = try connection.events(bytes.take())
        connection.reset(1, .cancel)
        bytes.open(5, ["b": "refused", "c": "more"])
        events += try connection.events(bytes.take())
        #expect(events == [.opened(1, ["a": "first"]), .opened(5, ["b": "refused", "c": "more"])])
    }

    @Test("going away is told") func goAway() throws {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        SPDYFrameEncoder.writeGoAway(lastStream: 0, status: .ok, into: &bytes.buffer)
        #expect(try connection.events(bytes.take()) == [.goneAway])
        connection.goAway()
        #expect(try connection.sent() == [.goAway(lastStream: 0, status: 0)])
    }

    @Test("a session with any byte changed ends in events or an error, never in anything else", arguments: 0..<300)
    func mutations(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var bytes = SPDYBytes()
        for number in 0..<5 {
            bytes.open(UInt32(2 * number + 1), ["streamtype": "data", "port": "80", "requestid": "\(number)"])
            bytes.data(UInt32(2 * number + 1), "some data", isLast: number % 2 == 0)
        }
        SPDYFrameEncoder.writeSettings([SPDYSetting(id: 7, value: 1 << 20)], into: &bytes.buffer)
        SPDYFrameEncoder.writeWindowUpdate(stream: 3, delta: 1000, into: &bytes.buffer)
        var session = bytes.take()
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            session.setInteger(UInt8.random(in: 0...255, using: &random), at: Int.random(in: 0..<session.readableBytes, using: &random))
        }
        var connection = SPDYConnection()
        while let piece = session.readSlice(length: min(Int.random(in: 1...50, using: &random), session.readableBytes)),
            piece.readableBytes > 0
        {
            connection.receive(piece)
            do {
                while let event = try connection.next() {
                    guard case .opened(let stream, _) = event else { continue }
                    connection.accept(stream)
                    _ = connection.data(on: stream, count: min(10, connection.window(of: stream)))
                }
            } catch {
                #expect(error == .closed || connection.streamCount <= 5)
            }
        }
    }
}
