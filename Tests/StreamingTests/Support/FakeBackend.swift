import Glibc
import NIOCore
import NIOPosix

@testable import Streaming

/// A backend of closures.
struct FakeBackend: StreamingBackend {
    struct Unexpected: Error {}

    var onExec: @Sendable (RemoteCommand, ExecStreams) async throws -> Int32 = { _, _ in throw Unexpected() }
    var onAttach: @Sendable (RemoteAttachment, ExecStreams) async throws -> Void = { _, _ in throw Unexpected() }
    var onConnect: @Sendable (String, UInt16) async throws -> CInt = { _, _ in throw Unexpected() }

    func exec(_ request: RemoteCommand, streams: ExecStreams) async throws -> Int32 { try await onExec(request, streams) }

    func attach(_ request: RemoteAttachment, streams: ExecStreams) async throws { try await onAttach(request, streams) }

    func connect(podSandboxID: String, port: UInt16) async throws -> CInt { try await onConnect(podSandboxID, port) }
}

extension FakeBackend {
    /// Sends stdin back on stdout, and its length on stderr.
    static let cat = FakeBackend(onExec: { request, streams in
        var count = 0
        if let stdin = streams.stdin {
            for try await bytes in stdin {
                count += bytes.readableBytes
                try await streams.stdout?.write(bytes)
            }
        }
        try await streams.stderr?.write(ByteBuffer(string: "\(count)"))
        return Int32(request.command.last ?? "") ?? 0
    })

    /// Connects to ports of this machine.
    static let localhost = FakeBackend(onConnect: { _, port in
        try await NIOThreadPool.singleton.runIfActive {
            let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard status == 0 else {
                Glibc.close(socket)
                throw ConnectionFailure(description: "connection refused")
            }
            return socket
        }
    })

}

/// A pipe.
struct Pipe {
    let read: CInt
    let write: CInt

    init() {
        var ends: [CInt] = [-1, -1]
        precondition(pipe(&ends) == 0)
        (read, write) = (ends[0], ends[1])
    }
}

/// Sets a flag from anywhere and waits for it.
actor Flag {
    private(set) var isSet = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func set() {
        isSet = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    func wait() async {
        guard !isSet else { return }
        await withCheckedContinuation { waiting.append($0) }
    }
}

extension RequestedStreams {
    static let all = RequestedStreams(stdin: true, stdout: true, stderr: true, terminal: false)
    static let output = RequestedStreams(stdin: false, stdout: true, stderr: false, terminal: false)
    static let terminal = RequestedStreams(stdin: true, stdout: true, stderr: false, terminal: true)
}
