import ArgumentParser
import CRI
import FoundationEssentials
import Glibc

/// `swiftlet-bench demo`: a pod with two containers, from the image to its end, each step with its time.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a pod with two containers, talks to it, reads its logs, and removes it.")

    @Option(help: "The runtime's CRI socket.")
    var socket: String
    @Option(help: "The image: one with busybox.")
    var image: String
    @Option(help: "The folder for the containers' logs.")
    var logs = "/var/tmp/swiftlet-demo-logs"

    func run() async throws {
        var steps = Steps()
        try await Connection.open(socket) { connection in
            try await show(connection, &steps)
        }
        print("\nWhere the time went, as a client sees it:\n")
        print(steps.chart())
    }

    private func show(_ connection: Connection, _ steps: inout Steps) async throws {
        let version = try await steps.take("Version") { try await connection.runtime.version(.init()) }
        print("   \(version.runtimeName) \(version.runtimeVersion), CRI \(version.runtimeApiVersion)")
        let pulled = try await steps.take("PullImage \(image)") { try await connection.pull(image) }
        print("   \(pulled)")

        let pod = try await steps.take("RunPodSandbox") { try await connection.runPod("demo", logs: logs) }
        let status = try await steps.take("PodSandboxStatus") {
            try await connection.runtime.podSandboxStatus(
                .with {
                    $0.podSandboxID = pod.id
                    $0.verbose = true
                })
        }
        let address = status.status.network.ip
        print("   \(pod.id.prefix(12)) at \(address)")

        let page = "mkdir /www && echo 'Hello from the pod' >/www/index.html && echo serving && exec busybox httpd -f -v -p 8080 -h /www"
        let web = try await steps.take("container web: create, start") {
            try await connection.startContainer("web", in: pod, image: image, command: ["/bin/sh", "-c", page])
        }
        let loop = "for i in 1 2 3; do echo out $i; echo err $i >&2; done; exec sleep 3600"
        let side = try await steps.take("container side: create, start") {
            try await connection.startContainer("side", in: pod, image: image, command: ["/bin/sh", "-c", loop])
        }

        let answer = try await steps.take("GET http://\(address):8080/ from the host") {
            try await HTTPProbe(address: address, port: 8080).get("/", patience: .seconds(5))
        }
        print("   \(answer)")
        let fetched = try await steps.take("exec in side: wget the pod's web server over loopback") {
            try await connection.execute(["/bin/wget", "-q", "-O", "-", "http://127.0.0.1:8080/"], in: side)
        }
        print("   \(fetched.trimmed)")
        let processes = try await steps.take("exec in web: ps") { try await connection.execute(["/bin/ps"], in: web) }
        print(indented(processes))

        print("\nLogs, in the CRI's format:\n")
        for name in ["web", "side"] { print(indented(try readLog("\(logs)/demo/\(name).log"))) }
        try await printTimelines(connection, pod: pod.id, containers: [web, side])

        print("")
        try await steps.take("StopPodSandbox, RemovePodSandbox") { try await connection.removePod(pod.id) }
        let left = try await connection.runtime.listPodSandbox(.init()).items.count
        print("   \(left) pods left")
    }

    /// The daemon's own account of its phases, where its verbose status has one.
    private func printTimelines(_ connection: Connection, pod: String, containers: [String]) async throws {
        var accounts: [String] = []
        let status = try await connection.runtime.podSandboxStatus(
            .with {
                $0.podSandboxID = pod
                $0.verbose = true
            })
        accounts += timeline(status.info)
        for id in containers {
            let status = try await connection.runtime.containerStatus(
                .with {
                    $0.containerID = id
                    $0.verbose = true
                })
            accounts += timeline(status.info)
        }
        guard !accounts.isEmpty else { return }
        print("Where the time went inside the daemon:\n")
        for account in accounts { print(indented(account)) }
    }

    /// The account within a verbose status, whose entry `info` is JSON.
    private func timeline(_ info: [String: String]) -> [String] {
        struct Account: Decodable { var timeline: String? }
        let account = info["info"].flatMap { try? JSONDecoder().decode(Account.self, from: Data($0.utf8)) }
        return account?.timeline.map { [$0] } ?? []
    }

    private func readLog(_ path: String) throws -> String {
        guard let file = fopen(path, "re") else { throw ValidationError("no log at \(path): \(String(cString: strerror(errno)))") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private func indented(_ text: String) -> String {
        text.split(separator: "\n").map { "   \($0)" }.joined(separator: "\n")
    }
}

extension String {
    /// Without white space at its end.
    var trimmed: String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
