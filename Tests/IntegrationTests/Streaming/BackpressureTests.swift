import CRI
import Crypto
import Linux
import NIOCore
import StreamingClient
import Testing

extension Integration.Streaming {
    /// Much data to slow readers: whole and in order, and the daemon does not grow.
    @Suite struct Backpressure {
        private static let growth = 16 << 20
        /// Makes 64 MiB that nothing can be left out of or changed in.
        private static let blob = "head -c 67108864 /dev/urandom >/tmp/blob; "

        @Test("1 GiB of a command's output", arguments: RemoteCommandClient.Transport.allCases)
        func exec(transport: RemoteCommandClient.Transport) async throws {
            try await withContainer(Self.blob + "touch /tmp/ready; trap exit TERM; while :; do sleep 0.1; done") { daemon, _, id in
                try await eventually("the data is there") { try await daemon.kubelet.exec(id, "test -e /tmp/ready").exitCode == 0 }
                let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do cat /tmp/blob; done"
                let hash = try await daemon.kubelet.output(id, "(\(script)) | sha256sum")
                try await notGrowing(daemon) {
                    try await daemon.kubelet.stream(id, script, by: transport) { client in
                        var reader = SlowReader()
                        while let (kind, bytes) = try await client.next() { if kind == .stdout { try await reader.take(bytes) } }
                        #expect(reader.count == 1 << 30)
                        #expect("\(reader.hash)  -" == hash)
                    }
                }
            }
        }

        @Test("256 MiB of a forwarded connection")
        func forward() async throws {
            try await withContainer(Self.blob + "while :; do (cat /tmp/blob /tmp/blob /tmp/blob /tmp/blob) | nc -l -p 8080; done") { daemon, pod, id in
                try await eventually("the port is listened on") { try await daemon.kubelet.output(id, "netstat -ltn").contains(":8080 ") }
                let hash = try await daemon.kubelet.output(id, "cat /tmp/blob /tmp/blob /tmp/blob /tmp/blob | sha256sum")
                try await notGrowing(daemon) {
                    try await daemon.kubelet.forward(pod.id) { client in
                        let (_, data) = try await client.open(port: 8080, request: 0)
                        var reader = SlowReader()
                        client.keepsBytes = false
                        client.onData = { _, bytes in try await reader.take(bytes) }
                        #expect(try await client.receive { $0.ended.contains(data) })
                        #expect("\(reader.hash)  -" == hash)
                    }
                }
            }
        }

        @Test("64 MiB of an attached container's output")
        func attach() async throws {
            try await withContainer(Self.blob + "sha256sum </tmp/blob >/tmp/hash; read line; cat /tmp/blob; read line", { $0.stdin = true }) {
                daemon, _, id in
                try await eventually("the data is there") { try await daemon.kubelet.exec(id, "test -s /tmp/hash").exitCode == 0 }
                let hash = try await daemon.kubelet.output(id, "cat /tmp/hash")
                try await notGrowing(daemon) {
                    try await daemon.kubelet.attach(id, by: .spdy, stdin: true) { client in
                        try await client.input.send("go\n")
                        var reader = SlowReader()
                        while reader.count < 64 << 20, let (kind, bytes) = try await client.next() {
                            if kind == .stdout { try await reader.take(bytes) }
                        }
                        #expect("\(reader.hash)  -" == hash)
                    }
                }
            }
        }

        /// Expects that the daemon's memory stays within bounds during `body`.
        private func notGrowing(_ daemon: Daemon, _ body: () async throws -> Void) async throws {
            try DaemonFigures.forgetPeak(of: await daemon.pid)
            let before = try DaemonFigures(of: await daemon.pid).resident
            try await body()
            let peak = try DaemonFigures(of: await daemon.pid).peak
            #expect(peak - before < Self.growth, "grew by \((peak - before) >> 10) KiB from \(before >> 10) KiB")
        }
    }
}

/// Takes a rest after every few megabytes.
private struct SlowReader {
    private(set) var count = 0
    private var hasher = SHA256()
    private var untilRest = 8 << 20

    mutating func take(_ bytes: ByteBuffer) async throws {
        bytes.withUnsafeReadableBytes { hasher.update(bufferPointer: $0) }
        count += bytes.readableBytes
        untilRest -= bytes.readableBytes
        guard untilRest < 0 else { return }
        untilRest = 8 << 20
        try await Task.sleep(for: .milliseconds(20))
    }

    var hash: String { hexadecimal(hasher.finalize()) }
}

/// As sha256sum prints it.
func sha256(_ bytes: ByteBuffer) -> String {
    var hasher = SHA256()
    bytes.withUnsafeReadableBytes { hasher.update(bufferPointer: $0) }
    return hexadecimal(hasher.finalize())
}

private func hexadecimal(_ digest: SHA256.Digest) -> String {
    digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}
