import NIOCore

@testable import Streaming

/// A SPDY client, as naive as moby/spdystream: it keeps no windows.
final class SPDYTestClient {
    /// All that came on a connection.
    struct Received {
        var bytes: [UInt32: ByteBuffer] = [:]
        var ended: Set<UInt32> = []
        var reset: [UInt32: UInt32] = [:]
        var replied: Set<UInt32> = []
        var goAway: UInt32?
        var windowUpdates = 0

        func text(_ stream: UInt32) -> String { bytes[stream].map { String(buffer: $0) } ?? "" }
    }

    let connection: TestConnection
    private var deflater = HeaderDeflater()
    private var inflater = HeaderInflater()
    private var decoder = SPDYFrameDecoder(controlFrameLimit: 1 << 20)
    private var nextStream: UInt32 = 1
    private(set) var received = Received()
    /// Called for each piece of data, before the next is read.
    var onData: (UInt32, ByteBuffer) async throws -> Void = { _, _ in }
    /// Whether bytes are kept.
    var keepsBytes = true

    init(_ connection: TestConnection) {
        self.connection = connection
    }

    static func with<R>(
        _ server: StreamingServer, _ url: String, _ protocolName: String, _ body: (SPDYTestClient) async throws -> R
    ) async throws -> R {
        try await TestConnection.with(port: server.testPort) { connection in
            let head = try await connection.request(
                "POST", url,
                ["Connection: Upgrade", "Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: \(protocolName)", "Content-Length: 0"])
            guard head.hasPrefix("HTTP/1.1 101 ") else { throw Refused(head: head) }
            return try await body(SPDYTestClient(connection))
        }
    }

    struct Refused: Error {
        let head: String
    }

    func open(_ headers: StreamHeaders, isLast: Bool = false) async throws -> UInt32 {
        let stream = nextStream
        nextStream += 2
        var frame = ByteBuffer()
        SPDYFrameEncoder.writeSynStream(stream: stream, isLast: isLast, block: deflater.deflate(headers.block), into: &frame)
        try await connection.send(frame)
        return stream
    }

    func open(_ kind: StreamKind) async throws -> UInt32 { try await open([StreamHeaders.streamType: kind.rawValue]) }

    func send(_ bytes: ByteBuffer, on stream: UInt32, isLast: Bool = false) async throws {
        var frame = ByteBuffer()
        SPDYFrameEncoder.writeDataHeader(stream: stream, count: bytes.readableBytes, isLast: isLast, into: &frame)
        frame.writeImmutableBuffer(bytes)
        try await connection.send(frame)
    }

    func finish(_ stream: UInt32) async throws { try await send(ByteBuffer(), on: stream, isLast: true) }

    func reset(_ stream: UInt32) async throws {
        var frame = ByteBuffer()
        SPDYFrameEncoder.writeReset(stream: stream, status: .cancel, into: &frame)
        try await connection.send(frame)
    }

    /// Reads until the condition holds or the connection ends; false for the latter.
    @discardableResult
    func receive(until condition: (Received) -> Bool = { _ in false }) async throws -> Bool {
        while !condition(received) {
            guard let bytes = try await connection.receive() else { return false }
            decoder.append(bytes)
            while let frame = try decoder.next() { try await handle(frame) }
        }
        return true
    }

    /// Reads until the server says goodbye.
    func receiveAll() async throws {
        guard try await receive(until: { $0.goAway != nil }) else { throw TestConnection.Closed() }
    }

    private func handle(_ frame: SPDYFrame) async throws {
        switch frame {
        case .data(let stream, let bytes, let isLast):
            if keepsBytes { received.bytes[stream, default: ByteBuffer()].writeImmutableBuffer(bytes) }
            try await onData(stream, bytes)
            if isLast { received.ended.insert(stream) }
        case .synReply(let stream, _, let block):
            _ = try StreamHeaders(block: inflater.inflate(block, limit: 1024), limit: 10)
            received.replied.insert(stream)
        case .rstStream(let stream, let status): received.reset[stream] = status
        case .goAway(_, let status): received.goAway = status
        case .windowUpdate: received.windowUpdates += 1
        default: break
        }
    }
}
