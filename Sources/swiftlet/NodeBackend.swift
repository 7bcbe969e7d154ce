import Glibc
import Linux
import NIOCore
import Node
import OCIRuntime
import Streaming

/// The node as the streaming server sees it.
struct NodeBackend: StreamingBackend {
    let node: Node

    func exec(_ request: RemoteCommand, streams: ExecStreams) async throws -> Int32 {
        let session = try await node.startExec(
            request.containerID, request.command, terminal: request.streams.terminal, stdin: request.streams.stdin)
        do {
            return try await streams.carry(
                .init(stdin: session.stdin?.release(), stdout: session.stdout.release(), stderr: session.stderr?.release()),
                resize: { session.resize(rows: $0.rows, columns: $0.columns) }, until: { try await session.wait() })
        } catch {
            // The client has gone: what it started ends with it.
            await session.terminate()
            throw error
        }
    }

    func attach(_ request: RemoteAttachment, streams: ExecStreams) async throws {
        let session = try await node.attach(request.containerID)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await size in streams.resizes { session.resize(rows: size.rows, columns: size.columns) } }
            group.addTask { await Self.copyInput(streams.stdin, to: session) }
            defer { group.cancelAll() }
            try await Self.copyOutput(session, to: streams)
        }
    }

    private static func copyInput(_ stdin: ByteReader?, to session: AttachSession) async {
        guard let stdin else { return }
        do {
            for try await bytes in stdin {
                var rest = bytes
                while let piece = rest.readSlice(length: min(AttachSession.inputSize, rest.readableBytes)), piece.readableBytes > 0 {
                    try await session.socket.writeAll(Array(piece.readableBytesView))
                }
            }
            // The end of input: conmon hands it on unless the container's input outlives its clients.
            shutdown(session.socket.raw, CInt(SHUT_WR))
        } catch {
            // A client that has left, or a container that takes no more: the output decides when the session ends.
        }
    }

    /// conmon sends a packet a piece of output, its first byte the stream's, and closes when the container has ended.
    private static func copyOutput(_ session: AttachSession, to streams: ExecStreams) async throws {
        while true {
            let packet: [UInt8]
            do {
                packet = try await session.socket.readChunk(upTo: AttachSession.packetSize)
            } catch let error as SystemError where error.code == ECONNRESET {
                // conmon left input unread when it closed. The kernel says so once, before the output that still waits.
                continue
            }
            guard let kind = packet.first else { return }
            let writer = AttachSession.Stream(rawValue: kind) == .stderr ? streams.stderr : streams.stdout
            try await writer?.write(ByteBuffer(bytes: packet.dropFirst()))
        }
    }

    func connect(podSandboxID: String, port: UInt16) async throws -> CInt {
        do { return try await node.connect(toPod: podSandboxID, port: port).release() } catch let error as SystemError {
            // The pod itself is there: its namespace was entered.
            guard error.call == "connect" else { throw error }
            throw ConnectionFailure(description: "\(error)")
        }
    }
}
