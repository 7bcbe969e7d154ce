import CRI
import NIOCore
import NIOSSL
import Streaming
import StreamingClient

/// Exec, attach and port-forward as the kubelet asks for them: first a URL, then a stream connection to it.
extension Kubelet {
    func execURL(_ id: String, _ command: [String], stdin: Bool = false, tty: Bool = false) async throws -> String {
        try await runtime.exec(
            .with {
                $0.containerID = id
                $0.cmd = command
                $0.stdin = stdin
                $0.stdout = true
                $0.stderr = !tty
                $0.tty = tty
            }
        ).url
    }

    func attachURL(_ id: String, stdin: Bool = false, tty: Bool = false) async throws -> String {
        try await runtime.attach(
            .with {
                $0.containerID = id
                $0.stdin = stdin
                $0.stdout = true
                $0.stderr = !tty
                $0.tty = tty
            }
        ).url
    }

    func portForwardURL(_ pod: String, ports: [Int32] = []) async throws -> String {
        try await runtime.portForward(
            .with {
                $0.podSandboxID = pod
                $0.port = ports
            }
        ).url
    }

    /// Runs a shell script in a container, its streams at `body`.
    func stream<R>(
        _ id: String, _ script: String, by transport: RemoteCommandClient.Transport, stdin: Bool = false, tty: Bool = false,
        receiveBuffer: Int? = nil, _ body: (RemoteCommandClient) async throws -> R
    ) async throws -> R {
        let url = try await execURL(id, ["/bin/sh", "-c", script], stdin: stdin, tty: tty)
        return try await RemoteCommandClient.with(
            url, transport, streams(stdin: stdin, tty: tty), receiveBuffer: receiveBuffer, body)
    }

    /// Attaches to a container, its streams at `body`.
    func attach<R>(
        _ id: String, by transport: RemoteCommandClient.Transport, stdin: Bool = false, tty: Bool = false,
        _ body: (RemoteCommandClient) async throws -> R
    ) async throws -> R {
        try await RemoteCommandClient.with(
            attachURL(id, stdin: stdin, tty: tty), transport, streams(stdin: stdin, tty: tty), body)
    }

    /// Forwards ports of a pod.
    /// - Parameter tunnel: the WebSocket protocol around SPDY; nil for SPDY alone.
    func forward<R>(_ pod: String, tunnel: String? = nil, receiveBuffer: Int? = nil, _ body: (SPDYClient) async throws -> R) async throws -> R {
        try await SPDYClient.with(portForwardURL(pod), "portforward.k8s.io", tunnel: tunnel, receiveBuffer: receiveBuffer, body)
    }

    private func streams(stdin: Bool, tty: Bool) -> [StreamKind] {
        (stdin ? [.stdin] : []) + [.stdout] + (tty ? [.resize] : [.stderr])
    }
}

extension ByteBuffer {
    static func random(_ count: Int) -> ByteBuffer {
        var generator = SystemRandomNumberGenerator()
        var buffer = ByteBuffer()
        for _ in 0..<(count + 7) / 8 { buffer.writeInteger(generator.next()) }
        return buffer.getSlice(at: 0, length: count) ?? buffer
    }
}
