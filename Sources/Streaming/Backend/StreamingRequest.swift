/// A command to run in a container with its streams at a client. CRI, ExecRequest.
public struct RemoteCommand: Sendable, Equatable {
    public var containerID: String
    public var command: [String]
    public var streams: RequestedStreams

    public init(containerID: String, command: [String], streams: RequestedStreams) {
        self.containerID = containerID
        self.command = command
        self.streams = streams
    }
}

/// A running container whose own streams a client wants. CRI, AttachRequest.
public struct RemoteAttachment: Sendable, Equatable {
    public var containerID: String
    public var streams: RequestedStreams

    public init(containerID: String, streams: RequestedStreams) {
        self.containerID = containerID
        self.streams = streams
    }
}

/// A pod whose ports a client wants to reach. CRI, PortForwardRequest.
public struct PortForwarding: Sendable, Equatable {
    public var podSandboxID: String
    /// For WebSocket clients that do not name ports themselves; others do when they connect.
    public var ports: [UInt16]

    public init(podSandboxID: String, ports: [UInt16]) {
        self.podSandboxID = podSandboxID
        self.ports = ports
    }
}

/// The streams that a client will have.
public struct RequestedStreams: Sendable, Equatable {
    public var stdin: Bool
    public var stdout: Bool
    public var stderr: Bool
    /// One terminal instead of three pipes; stderr is then false.
    public var terminal: Bool

    public init(stdin: Bool, stdout: Bool, stderr: Bool, terminal: Bool) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal
    }
}

/// What a token stands for.
enum StreamingRequest: Sendable, Equatable {
    case exec(RemoteCommand)
    case attach(RemoteAttachment)
    case portForward(PortForwarding)

    /// The first part of the URL's path.
    enum Kind: String, Sendable {
        case exec
        case attach
        case portForward = "portforward"
    }

    var kind: Kind {
        switch self {
        case .exec: .exec
        case .attach: .attach
        case .portForward: .portForward
        }
    }
}
