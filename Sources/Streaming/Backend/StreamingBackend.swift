import NIOCore

/// What the streaming server serves. Its calls are cancelled when their client is gone.
///
/// An error that a call throws is told to the client by its description.
public protocol StreamingBackend: Sendable {
    /// Runs a command to its end.
    /// - Returns: its exit code, 0 to 255.
    func exec(_ request: RemoteCommand, streams: ExecStreams) async throws -> Int32

    /// Connects the client to a container's own streams, until the container has ended or the client has left.
    func attach(_ request: RemoteAttachment, streams: ExecStreams) async throws

    /// Connects to a port on the loopback addresses in a pod's network.
    /// - Returns: a connected socket, whose ownership passes to the server.
    /// - Throws: `ConnectionFailure` where this one connection cannot be made and others perhaps can.
    func connect(podSandboxID: String, port: UInt16) async throws -> CInt
}

/// A pod refused a connection, or it cannot be reached on that port.
public struct ConnectionFailure: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}

/// The size of a client's terminal.
public struct TerminalSize: Sendable, Equatable {
    public var columns: UInt16
    public var rows: UInt16

    public init(columns: UInt16, rows: UInt16) {
        self.columns = columns
        self.rows = rows
    }
}

/// A client's ends of an exec's or attach's streams. Nil for those that it has not asked for.
/// The server finishes them; the backend need not.
public struct ExecStreams: Sendable {
    public let stdin: ByteReader?
    public let stdout: ByteWriter?
    public let stderr: ByteWriter?
    /// The sizes of the client's terminal as they change; of several that were not yet taken, the last.
    public let resizes: AsyncStream<TerminalSize>
    let eventLoop: any EventLoop
}
