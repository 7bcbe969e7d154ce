import CRI
import GRPCCore
import Node

/// Where exec, attach and port-forward are served. Each answer is a URL for one use.
public protocol StreamingURLs: Sendable {
    func exec(_ request: Runtime_V1_ExecRequest) async throws -> String
    func attach(_ request: Runtime_V1_AttachRequest) async throws -> String
    func portForward(_ request: Runtime_V1_PortForwardRequest) async throws -> String
}

extension RuntimeService {
    public func exec(request: Runtime_V1_ExecRequest, context: ServerContext) async throws -> Runtime_V1_ExecResponse {
        guard !request.cmd.isEmpty else { throw NodeError.invalidArgument("the exec request has no command") }
        try checkStreams(tty: request.tty, stdin: request.stdin, stdout: request.stdout, stderr: request.stderr)
        let container = try node.runningContainer(request.containerID)
        let url = try await urls().exec(
            .with {
                $0 = request
                $0.containerID = container.id
            })
        return .with { $0.url = url }
    }

    public func attach(request: Runtime_V1_AttachRequest, context: ServerContext) async throws -> Runtime_V1_AttachResponse {
        try checkStreams(tty: request.tty, stdin: request.stdin, stdout: request.stdout, stderr: request.stderr)
        let container = try node.runningContainer(request.containerID)
        let url = try await urls().attach(
            .with {
                $0 = request
                $0.containerID = container.id
            })
        return .with { $0.url = url }
    }

    public func portForward(
        request: Runtime_V1_PortForwardRequest, context: ServerContext
    ) async throws -> Runtime_V1_PortForwardResponse {
        if let port = request.port.first(where: { !(1...65535).contains($0) }) {
            throw NodeError.invalidArgument("\(port) is no port: ports are 1 to 65535")
        }
        let pod = try node.inventory.pod(request.podSandboxID)
        guard pod.phase == .ready else {
            throw NodeError.failedPrecondition("pod \(pod.id.prefix(13)) is not ready: nothing listens in it")
        }
        let url = try await urls().portForward(
            .with {
                $0 = request
                $0.podSandboxID = pod.id
            })
        return .with { $0.url = url }
    }

    private func urls() throws -> any StreamingURLs {
        guard let streaming else { throw NodeError.unimplemented("streaming is not served by this daemon") }
        return streaming
    }
}

extension RuntimeService {
    /// The CRI's rules for ExecRequest and AttachRequest: some stream, and with a terminal no separate stderr.
    private func checkStreams(tty: Bool, stdin: Bool, stdout: Bool, stderr: Bool) throws {
        if tty && stderr {
            throw NodeError.invalidArgument("with a terminal there is no separate stderr: ask for tty or stderr, not both")
        }
        if !stdin && !stdout && !stderr {
            throw NodeError.invalidArgument("the request asks for no stream: set one of stdin, stdout and stderr")
        }
    }
}
