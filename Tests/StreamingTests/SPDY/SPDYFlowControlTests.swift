import NIOCore
import Testing

@testable import Streaming

@Suite("SPDY flow control") struct SPDYFlowControlTests {
    private static func frames(_ write: (inout ByteBuffer) -> Void) -> ByteBuffer {
        var buffer = ByteBuffer()
        write(&buffer)
        return buffer
    }

    private func opened(_ streams: UInt32...) throws -> SPDYConnection {
        var bytes = SPDYBytes()
        var connection = SPDYConnection()
        for stream in streams { bytes.open(stream) }
        _ = try connection.events(bytes.take())
        return connection
    }

    @Test("a peer that says nothing of windows has none, as moby/spdystream") func none() throws {
        var connection = try opened(1)
        _ = connection.data(on: 1, count: 1 << 30)
        connection.consumed(1 << 30, of: 1)
        let (window, output) = (connection.window(of: 1), connection.takeOutput())
        #expect(window == .max)
        #expect(output == nil)
    }

    @Test("an initial window from the settings holds for all streams, also for what was sent before") func settings() throws {
        var connection = try opened(1, 3)
        _ = connection.data(on: 1, count: 300)
        let events = try connection.events(Self.frames { SPDYFrameEncoder.writeSettings([SPDYSetting(id: 7, value: 1000)], into: &$0) })
        #expect(events == [.windowsChanged])
        let (first, second) = (connection.window(of: 1), connection.window(of: 3))
        #expect(first == 700)
        #expect(second == 1000)
        _ = try connection.events(Self.frames { SPDYFrameEncoder.writeSettings([SPDYSetting(id: 7, value: 100)], into: &$0) })
        let (smaller, other) = (connection.window(of: 1), connection.window(of: 3))
        #expect(smaller == 0)
        #expect(other == 100)
    }

    @Test("a window update opens its stream, and shows that windows are kept") func update() throws {
        var connection = try opened(1, 3)
        _ = connection.data(on: 1, count: 60_000)
        let events = try connection.events(Self.frames { SPDYFrameEncoder.writeWindowUpdate(stream: 1, delta: 5000, into: &$0) })
        #expect(events == [.windowsChanged])
        let (first, second) = (connection.window(of: 1), connection.window(of: 3))
        #expect(first == 65536 - 60_000 + 5000)
        #expect(second == 65536)
    }

    @Test("the connection's window counts once the peer has shown one") func session() throws {
        var connection = try opened(1, 3)
        _ = connection.data(on: 1, count: 60_000)
        _ = try connection.events(Self.frames { SPDYFrameEncoder.writeWindowUpdate(stream: 0, delta: 10, into: &$0) })
        let window = connection.window(of: 3)
        #expect(window == 65536 - 60_000 + 10)
    }

    @Test("a window of more than 31 bits, or an update of nothing, resets the stream", arguments: [(UInt32(0x7fff_ffff), UInt32(7)), (0, 1)])
    func overflow(delta: UInt32, status: UInt32) throws {
        var connection = try opened(1)
        let events = try connection.events(Self.frames { SPDYFrameEncoder.writeWindowUpdate(stream: 1, delta: delta, into: &$0) })
        #expect(events == [.reset(1)])
        #expect(try connection.sent() == [.rstStream(stream: 1, status: status)])
    }

    @Test("consumed bytes are given back to a peer that keeps windows, in large steps") func consumed() throws {
        var connection = try opened(1)
        _ = try connection.events(Self.frames { SPDYFrameEncoder.writeSettings([SPDYSetting(id: 7, value: 1000)], into: &$0) })
        connection.consumed(32_767, of: 1)
        #expect(try connection.sent() == [])
        connection.consumed(1, of: 1)
        #expect(try connection.sent() == [.windowUpdate(stream: 0, delta: 32_768), .windowUpdate(stream: 1, delta: 32_768)])
    }

    @Test("bytes for streams that are gone are given back to the connection") func discarded() throws {
        var connection = try opened(1)
        _ = try connection.events(Self.frames { SPDYFrameEncoder.writeSettings([SPDYSetting(id: 7, value: 1000)], into: &$0) })
        connection.reset(1, .cancel)
        _ = try connection.sent()
        _ = try connection.events(
            Self.frames {
                SPDYFrameEncoder.writeDataHeader(stream: 1, count: 40_000, isLast: false, into: &$0)
                $0.writeRepeatingByte(0, count: 40_000)
            })
        #expect(try connection.sent() == [.windowUpdate(stream: 0, delta: 40_000)])
    }
}
