import NIOCore
import NIOSSL
import Streaming

/// A SPDY client, as naive as moby/spdystream: it keeps no windows.
package final class SPDYClient {
    /// All that came on a connection.
    package struct Received {
        package var bytes: [UInt32: ByteBuffer] = [:]
        package var ended: Set<UInt32> = []
        package var reset: [UInt32: UInt32] = [:]
        package var replied: Set<UInt32> = []
        package var pings: [UInt32] = []
        package var goAway: UInt32?
        package var windowUpdates = 0

        package func text(_ stream: UInt32) -> String { bytes[stream].map { String(buffer: $0) } ?? "" }
    }

    package let connection: ClientConnection
    private var deflater = HeaderDeflater()
    private var inflater = HeaderInflater()
    private var decoder = SPDYFrameDecoder(controlFrameLimit: 1 << 20)
    private var nextStream: UInt32 = 1
    private(set) package var received = Received()
    /// Called for each piece of data, before the next is read.
    package var onData: (UInt32, ByteBuffer) async throws -> Void = { _, _ in }
    /// Whether bytes are kept.
    package var keepsBytes = true

    init(_ connection: ClientConnection) {
        self.connection = connection
    }

    /// Connects to a URL for the time of `body`.
    /// - Parameter tunnel: the WebSocket protocol to carry SPDY in; nil for SPDY alone.
    /// - Throws: `ClientConnection.Refused`.
    package static func with<R>(
        _ url: String, _ protocolName: String, tunnel: String? = nil, tls: NIOSSLContext? = nil, receiveBuffer: Int? = nil,
        _ body: (SPDYClient) async throws -> R
    ) async throws -> R {
        let url = try StreamingURL(url)
        return try await ClientConnection.with(host: url.host, port: url.port, tls: tls, receiveBuffer: receiveBuffer) { connection in
            if let tunnel {
                _ = try await connection.upgradeToWebSocket(url.path, protocols: tunnel)
                connection.becomeTunnel()
            } else {
                let head = try await connection.request(
                    "POST", url.path,
                    ["Connection: Upgrade", "Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: \(protocolName)", "Content-Length: 0"])
                guard head.hasPrefix("HTTP/1.1 101 ") else { throw ClientConnection.Refused(head: head) }
            }
            return try await body(SPDYClient(connection))
        }
    }
}

/// Sending.
extension SPDYClient {
    package func open(_ headers: StreamHeaders, isLast: Bool = false) async throws -> UInt32 {
        let stream = nextStream
        nextStream += 2
        var frame = ByteBuffer()
        SPDYFrameEncoder.writeSynStream(stream: stream, isLast: isLast, block: deflater.deflate(headers.block), into: &frame)
        try await connection.send(frame)
        return stream
    }

    package func open(_ kind: StreamKind) async throws -> UInt32 { try await open([StreamHeaders.streamType: kind.rawValue]) }

    /// Opens the two streams of a connection to a pod's port, as kubectl does.
    package func open(port: UInt16, request: Int) async throws -> (error: UInt32, data: UInt32) {
        func headers(_ type: String) -> StreamHeaders {
            [StreamHeaders.streamType: type, StreamHeaders.port: "\(port)", StreamHeaders.requestID: "\(request)"]
        }
        let error = try await open(headers("error"))
        try await finish(error)
        return (error, try await open(headers("data")))
    }

    package static func frame(_ bytes: ByteBuffer, on stream: UInt32, isLast: Bool = false) -> ByteBuffer {
        var frame = ByteBuffer()
        SPDYFrameEncoder.writeDataHeader(stream: stream, count: bytes.readableBytes, isLast: isLast, into: &frame)
        frame.writeImmutableBuffer(bytes)
        return frame
    }

    package func send(_ bytes: ByteBuffer, on stream: UInt32, isLast: Bool = false) async throws {
        try await connection.send(Self.frame(bytes, on: stream, isLast: isLast))
    }

    package func finish(_ stream: UInt32) async throws { try await send(ByteBuffer(), on: stream, isLast: true) }

    package func reset(_ stream: UInt32) async throws {
        var frame = ByteBuffer()
        SPDYFrameEncoder.writeReset(stream: stream, status: .cancel, into: &frame)
        try await connection.send(frame)
    }
}

/// Receiving.
extension SPDYClient {
    /// The next frame; nil at the end of the connection.
    package func next() async throws -> SPDYFrame? {
        while true {
            if let frame = try decoder.next() { return frame }
            guard let bytes = try await connection.receive() else { return nil }
            decoder.append(bytes)
        }
    }

    /// Reads until the condition holds or the connection ends; false for the latter.
    @discardableResult
    package func receive(until condition: (Received) -> Bool = { _ in false }) async throws -> Bool {
        while !condition(received) {
            guard let frame = try await next() else { return false }
            try await handle(frame)
        }
        return true
    }

    /// Reads until the server says goodbye.
    package func receiveAll() async throws {
        guard try await receive(until: { $0.goAway != nil }) else { throw ClientConnection.Closed() }
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
        case .ping(let id): received.pings.append(id)
        case .goAway(_, let status): received.goAway = status
        case .windowUpdate: received.windowUpdates += 1
        default: break
        }
    }
}
