import ArgumentParser
import CRI

/// `swiftlet-bench compare`: the same work on several runtimes in turn, and a table of the medians.
struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compares container runtimes, round by round.",
        discussion: "Every round does the same work on each runtime in turn, so that what else the machine does falls on all alike.")

    @Argument(help: "The runtimes, each as NAME=SOCKET,PID. Ratios are of the first to the others.")
    var contestants: [Contestant]
    @Option(help: "The image of the pods: it must hold /bin/sleep and /bin/true.")
    var image: String
    @Option(help: "An image to pull; left out, pulls are not measured.")
    var pullImage: String?
    @Option(help: "Rounds of one pod at a time.")
    var rounds = 20
    @Option(help: "Commands run in each of those pods.")
    var execs = 5
    @Option(help: "Pods that are up at the same time in the rounds of many pods.")
    var pods = 20
    @Option(help: "Rounds of many pods, and of pulls.")
    var bulkRounds = 3
    @Option(help: "The folder for the containers' logs.")
    var logs = "/var/tmp/swiftlet-bench-logs"

    func validate() throws {
        guard !contestants.isEmpty else { throw ValidationError("Name at least one runtime, as NAME=SOCKET,PID.") }
        guard rounds > 0, bulkRounds > 0, pods > 0, execs > 0 else { throw ValidationError("Every count must be at least 1.") }
    }

    func run() async throws {
        let results = try await measure()
        let titles: [Measure: String] = [.manyUp: "\(pods) pods up, 10 at once", .resident: "daemon resident, \(pods) pods"]
        print(results.table(contestants.map(\.name), titles: titles))
    }

    private func measure() async throws -> Results {
        // The first pod of a daemon's life pays for bridges, caches and pages that no later one pays for.
        _ = try await turn(0, Results()) { connection, index, warming in
            _ = try await connection.pull(image)
            try await onePod(connection, contestant: index, name: "warm-\(index)", into: &warming)
        }
        var results = Results()
        for round in 0..<rounds {
            results = try await turn(round, results) { connection, index, results in
                try await onePod(connection, contestant: index, name: "one-\(round)-\(index)", into: &results)
            }
        }
        for round in 0..<bulkRounds {
            results = try await turn(round, results) { connection, index, results in
                try await manyPods(connection, contestant: index, round: round, into: &results)
            }
        }
        guard let pullImage else { return results }
        for round in 0..<bulkRounds {
            results = try await turn(round, results) { connection, index, results in
                _ = try await connection.images.removeImage(.with { $0.image.image = pullImage })
                results.add(try await timed { try await connection.pull(pullImage) }.milliseconds, to: .pull, of: index)
            }
        }
        return results
    }

    /// Does one round's work on each contestant, a different one first in each round, over a connection of its own: grpc-go
    /// ends every call by RST_STREAM, and swift-nio-http2 gives a connection up after 200 of those in half a minute.
    private func turn(
        _ round: Int, _ results: Results, _ work: (Connection, Int, inout Results) async throws -> Void
    ) async throws -> Results {
        var results = results
        for offset in contestants.indices {
            let index = (offset + round) % contestants.count
            let before = results
            results = try await Connection.open(contestants[index].socket) { connection in
                var results = before
                try await work(connection, index, &results)
                return results
            }
        }
        return results
    }

    private func onePod(_ connection: Connection, contestant: Int, name: String, into results: inout Results) async throws {
        for _ in 0..<execs {
            results.add(try await timed { try await connection.runtime.version(.init()) }.milliseconds, to: .version, of: contestant)
        }
        let pod = try await timed { try await connection.runPod(name, logs: logs) }
        let container = try await timed {
            try await connection.startContainer("sleep", in: pod.result, image: image, command: ["/bin/sleep", "86400"])
        }
        for _ in 0..<execs {
            let exec = try await timed { try await connection.execute(["/bin/true"], in: container.result) }
            results.add(exec.milliseconds, to: .exec, of: contestant)
        }
        let down = try await timed { try await connection.removePod(pod.result.id) }
        results.add(pod.milliseconds, to: .runPod, of: contestant)
        results.add(container.milliseconds, to: .startContainer, of: contestant)
        results.add(pod.milliseconds + container.milliseconds, to: .podUp, of: contestant)
        results.add(down.milliseconds, to: .podDown, of: contestant)
    }

    private func manyPods(_ connection: Connection, contestant: Int, round: Int, into results: inout Results) async throws {
        let pid = contestants[contestant].pid
        let before = try ProcessFigures(pid: pid)
        let up = try await timed {
            try await atOnce(10, of: Array(0..<pods)) { index in
                let pod = try await connection.runPod("many-\(round)-\(contestant)-\(index)", logs: logs)
                _ = try await connection.startContainer("sleep", in: pod, image: image, command: ["/bin/sleep", "86400"])
                return pod.id
            }
        }
        let resident = try ProcessFigures(pid: pid).resident
        _ = try await atOnce(10, of: up.result) { try await connection.removePod($0) }
        let cpu = try ProcessFigures(pid: pid).cpu - before.cpu
        results.add(up.milliseconds, to: .manyUp, of: contestant)
        results.add(resident / Double(1 << 20), to: .resident, of: contestant)
        results.add(cpu / Double(pods), to: .cpu, of: contestant)
    }
}

extension Connection {
    /// Pulls an image.
    /// - Returns: the reference under which the runtime has it.
    func pull(_ image: String) async throws -> String {
        try await images.pullImage(.with { $0.image.image = image }).imageRef
    }

    /// Runs a command in a container to its end.
    /// - Throws: `ExecError` if it fails.
    func execute(_ command: [String], in container: String) async throws -> String {
        let response = try await runtime.execSync(
            .with {
                $0.containerID = container
                $0.cmd = command
                $0.timeout = 30
            })
        guard response.exitCode == 0 else { throw ExecError(command: command, exitCode: response.exitCode) }
        return String(decoding: response.stdout, as: UTF8.self)
    }
}

/// A command in a container that failed.
struct ExecError: Error, CustomStringConvertible {
    let command: [String]
    let exitCode: Int32
    var description: String { "\(command.joined(separator: " ")) ended with \(exitCode) in the container" }
}

/// Runs `body` on every item, at most `width` at the same time, and returns what it made, in no particular order.
func atOnce<Item: Sendable, Made: Sendable>(
    _ width: Int, of items: [Item], _ body: @escaping @Sendable (Item) async throws -> Made
) async throws -> [Made] {
    try await withThrowingTaskGroup(of: Made.self) { group in
        var made: [Made] = []
        for (index, item) in items.enumerated() {
            if index >= width, let next = try await group.next() { made.append(next) }
            group.addTask { try await body(item) }
        }
        for try await rest in group { made.append(rest) }
        return made
    }
}
