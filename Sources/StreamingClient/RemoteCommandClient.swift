import NIOCore
import NIOSSL
import Streaming

/// A client of one exec or attach, by either transport, with version 4 of the protocol over SPDY and 5 over WebSocket.
package final class RemoteCommandClient {
    package enum Transport: String, CaseIterable, Sendable {
        case spdy
        case webSocket
    }

    private enum Peer {
        case spdy(SPDYClient, [UInt32: StreamKind])
        case webSocket(WebSocketClient)
    }

    private let peer: Peer
    /// Where input and sizes are sent, also while another task receives.
    package let input: RemoteInput

    private init(_ peer: Peer, _ input: RemoteInput) {
        self.peer = peer
        self.input = input
    }

    /// Connects to a URL for the time of `body`.
    /// - Parameter streams: those that the request named, and `.resize` with a terminal.
    /// - Throws: `ClientConnection.Refused`.
    package static func with<R>(
        _ url: String, _ transport: Transport, _ streams: [StreamKind], tls: NIOSSLContext? = nil, receiveBuffer: Int? = nil,
        _ body: (RemoteCommandClient) async throws -> R
    ) async throws -> R {
        switch transport {
        case .webSocket:
            return try await WebSocketClient.with(url, "v5.channel.k8s.io", tls: tls) { client, _ in
                try await body(RemoteCommandClient(.webSocket(client), RemoteInput(sender: client.connection.sender)))
            }
        case .spdy:
            return try await SPDYClient.with(url, "v4.channel.k8s.io", tls: tls, receiveBuffer: receiveBuffer) { client in
                var kinds: [UInt32: StreamKind] = [:]
                for kind in [.error] + streams { kinds[try await client.open(kind)] = kind }
                let numbers = Dictionary(uniqueKeysWithValues: kinds.map { ($1, $0) })
                return try await body(RemoteCommandClient(.spdy(client, kinds), RemoteInput(sender: client.connection.sender, spdy: numbers)))
            }
        }
    }

    /// The next bytes of one of the streams; nil at the end of the session.
    package func next() async throws -> (kind: StreamKind, bytes: ByteBuffer)? {
        switch peer {
        case .spdy(let client, let kinds):
            while let frame = try await client.next() {
                if case .goAway = frame { return nil }
                if case .data(let stream, let bytes, _) = frame, bytes.readableBytes > 0, let kind = kinds[stream] { return (kind, bytes) }
            }
        case .webSocket(let client):
            while let message = try await client.next() {
                var bytes = message.bytes
                guard message.opcode == .binary, let channel: UInt8 = bytes.readInteger(), bytes.readableBytes > 0 else { continue }
                if let kind = RemoteInput.channels.first(where: { $0.value == channel })?.key { return (kind, bytes) }
            }
        }
        return nil
    }

    /// All that comes until the session's end.
    package func output() async throws -> RemoteOutput {
        var output = RemoteOutput()
        while let (kind, bytes) = try await next() { output[kind].writeImmutableBuffer(bytes) }
        return output
    }

    /// Reads until `text` has come on stdout.
    /// - Returns: all of stdout until then.
    /// - Throws: `ClientConnection.Closed` where the session ends before.
    @discardableResult
    package func receive(_ text: String) async throws -> String {
        var seen = ""
        while !seen.contains(text) {
            guard let (kind, bytes) = try await next() else { throw ClientConnection.Closed() }
            if kind == .stdout { seen += String(buffer: bytes) }
        }
        return seen
    }
}

/// A session's streams from the client.
package struct RemoteInput: Sendable {
    static let channels: [StreamKind: UInt8] = [.stdin: 0, .stdout: 1, .stderr: 2, .error: 3, .resize: 4]

    let sender: ClientConnection.Sender
    /// The streams' numbers; nil for WebSocket.
    var spdy: [StreamKind: UInt32]?

    /// To the command's standard input.
    package func send(_ bytes: ByteBuffer) async throws { try await send(bytes, on: .stdin) }

    package func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }

    package func resize(columns: Int, rows: Int) async throws {
        try await send(ByteBuffer(string: #"{"Width":\#(columns),"Height":\#(rows)}"#), on: .resize)
    }

    /// Standard input has no more, while the output goes on.
    package func finish() async throws {
        if let spdy {
            try await sender.send(SPDYClient.frame(ByteBuffer(), on: spdy[.stdin] ?? 0, isLast: true))
        } else {
            try await sender.send(WebSocketClient.message(ByteBuffer(integer: Self.channels[.stdin] ?? 0), on: 255))
        }
    }

    private func send(_ bytes: ByteBuffer, on kind: StreamKind) async throws {
        if let spdy {
            try await sender.send(SPDYClient.frame(bytes, on: spdy[kind] ?? 0))
        } else {
            try await sender.send(WebSocketClient.message(bytes, on: Self.channels[kind] ?? 0))
        }
    }
}
