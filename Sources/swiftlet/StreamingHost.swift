import CRI
import CRIService
import DaemonConfiguration
import Logging
import Node
import Streaming

/// Joins the streaming server to the node: requests become URLs, and what comes in at those becomes work of the node.
struct StreamingHost: StreamingURLs {
    private let server: StreamingServer

    /// Starts to listen where the configuration says.
    init(configuration: Configuration, node: Node, logger: Logger) async throws {
        let api = configuration.api
        guard let port = Int(api.streamPort), (0...65535).contains(port) else {
            throw AssemblyError(description: "stream_port is '\(api.streamPort)', which is not a port from 0 to 65535")
        }
        var options = StreamingOptions(address: api.streamAddress, port: port)
        if !api.streamIdleTimeout.isEmpty {
            guard let timeout = DurationText.parse(api.streamIdleTimeout), timeout > .zero else {
                throw AssemblyError(description: "stream_idle_timeout is '\(api.streamIdleTimeout)', which is not a duration such as 4h or 90s")
            }
            options.idleTimeout = timeout
        }
        if api.streamEnableTLS {
            options.tls = StreamingTLS(
                certificate: api.streamTLSCert, key: api.streamTLSKey, authority: api.streamTLSCA.isEmpty ? nil : api.streamTLSCA)
        }
        server = StreamingServer(options: options, backend: NodeBackend(node: node), logger: logger)
        try await server.start()
    }

    func exec(_ request: Runtime_V1_ExecRequest) async throws -> String {
        try server.execURL(
            RemoteCommand(
                containerID: request.containerID, command: request.cmd,
                streams: RequestedStreams(stdin: request.stdin, stdout: request.stdout, stderr: request.stderr, terminal: request.tty)))
    }

    func attach(_ request: Runtime_V1_AttachRequest) async throws -> String {
        try server.attachURL(
            RemoteAttachment(
                containerID: request.containerID,
                streams: RequestedStreams(stdin: request.stdin, stdout: request.stdout, stderr: request.stderr, terminal: request.tty)))
    }

    func portForward(_ request: Runtime_V1_PortForwardRequest) async throws -> String {
        try server.portForwardURL(
            PortForwarding(podSandboxID: request.podSandboxID, ports: request.port.compactMap { UInt16(exactly: $0) }))
    }

    func shutdown() async { await server.shutdown() }
}

/// Durations as Go writes them, which is what crio.conf(5) has: `1h30m`, `90s`, `500ms`.
enum DurationText {
    static func parse(_ text: String) -> Duration? {
        let units: [String: Double] = ["h": 3600, "m": 60, "s": 1, "ms": 0.001, "us": 0.000_001, "ns": 0.000_000_001]
        var total = 0.0
        var rest = text[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let value = Double(digits), let factor = units[String(unit)] else { return nil }
            total += value * factor
        }
        return total < 1e9 ? .seconds(total) : nil
    }
}
