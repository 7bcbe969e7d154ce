import ArgumentParser
import CRI
import NIOCore
import Streaming
import StreamingClient

/// `swiftlet-bench streams`: how fast bytes go through exec and port-forward, on several runtimes in turn.
struct Streams: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compares the throughput of exec and port-forward, round by round.",
        discussion: "Over SPDY, which the kubelet speaks. More is better: a ratio above 1 is in favour of the first runtime.")

    @Argument(help: "The runtimes, each as NAME=SOCKET,PID. Ratios are of the first to the others.")
    var contestants: [Contestant]
    @Option(help: "The image of the pods: one with busybox.")
    var image: String
    @Option(help: "Megabytes of one transfer.")
    var megabytes = 1000
    @Option(help: "Rounds.")
    var rounds = 3
    @Option(help: "The folder for the containers' logs.")
    var logs = "/var/tmp/swiftlet-bench-logs"

    func validate() throws {
        guard !contestants.isEmpty else { throw ValidationError("Name at least one runtime, as NAME=SOCKET,PID.") }
        guard megabytes > 0, rounds > 0 else { throw ValidationError("Every count must be at least 1.") }
    }

    func run() async throws {
        let results = try await Connection.openAll(contestants.map(\.socket)) { try await measure($0) }
        print(results.table(contestants.map(\.name)))
    }

    private var count: Int { megabytes * 1_000_000 }

    private func measure(_ connections: [Connection]) async throws -> Results {
        var results = Results()
        var targets: [(pod: Pod, container: String)] = []
        for (index, connection) in connections.enumerated() {
            _ = try await connection.pull(image)
            let pod = try await connection.runPod("streams-\(index)", logs: logs)
            let serve = ["/bin/nc", "-ll", "-p", "8080", "-e", "/bin/head", "-c", "\(count)", "/dev/zero"]
            targets.append((pod, try await connection.startContainer("source", in: pod, image: image, command: serve)))
        }
        for round in 0..<rounds {
            for turn in connections.indices {
                let index = (turn + round) % connections.count
                let (connection, target) = (connections[index], targets[index])
                results.add(try await rate { try await readExec(connection, target.container) }, to: .execOutput, of: index)
                results.add(try await rate { try await writeExec(connection, target.container) }, to: .execInput, of: index)
                results.add(try await rate { try await readPort(connection, target.pod.id) }, to: .portForward, of: index)
            }
        }
        for (connection, target) in zip(connections, targets) { try await connection.removePod(target.pod.id) }
        return results
    }

    /// Megabytes a second of what `body` transfers.
    private func rate(_ body: () async throws -> Int) async throws -> Double {
        let (milliseconds, transferred) = try await timed(body)
        guard transferred == count else { throw TransferError(expected: count, transferred: transferred) }
        return Double(count) / 1000 / milliseconds
    }

    private func readExec(_ connection: Connection, _ container: String) async throws -> Int {
        let url = try await connection.execURL(["/bin/head", "-c", "\(count)", "/dev/zero"], in: container, stdin: false)
        return try await RemoteCommandClient.with(url, .spdy, [.stdout, .stderr]) { client in
            var received = 0
            while let (kind, bytes) = try await client.next() { if kind == .stdout { received += bytes.readableBytes } }
            return received
        }
    }

    private func writeExec(_ connection: Connection, _ container: String) async throws -> Int {
        let url = try await connection.execURL(["/bin/wc", "-c"], in: container, stdin: true)
        return try await RemoteCommandClient.with(url, .spdy, [.stdin, .stdout, .stderr]) { client in
            let piece = ByteBuffer(repeating: 0, count: 100_000)
            for _ in 0..<count / piece.readableBytes { try await client.input.send(piece) }
            try await client.input.finish()
            return Int(try await client.output().stdout.trimmed) ?? 0
        }
    }

    private func readPort(_ connection: Connection, _ pod: String) async throws -> Int {
        let url = try await connection.runtime.portForward(.with { $0.podSandboxID = pod }).url
        return try await SPDYClient.with(url, "portforward.k8s.io") { client in
            let (_, data) = try await client.open(port: 8080, request: 0)
            var received = 0
            while received < count, let frame = try await client.next() {
                if case .data(data, let bytes, _) = frame { received += bytes.readableBytes }
            }
            return received
        }
    }
}

extension Connection {
    /// A URL at which a command runs in a container, its output apart.
    fileprivate func execURL(_ command: [String], in container: String, stdin: Bool) async throws -> String {
        try await runtime.exec(
            .with {
                $0.containerID = container
                $0.cmd = command
                $0.stdin = stdin
                $0.stdout = true
                $0.stderr = true
            }
        ).url
    }
}

/// Bytes were lost, or made up.
struct TransferError: Error, CustomStringConvertible {
    let expected: Int
    let transferred: Int
    var description: String { "\(transferred) bytes were transferred, not \(expected)" }
}
