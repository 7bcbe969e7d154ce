import Linux
import Synchronization
import Testing

@testable import Networking

/// Counts from several tasks.
private final class Count: Sendable {
    private let number = Mutex(0)
    var value: Int { number.withLock { $0 } }
    func add() { number.withLock { $0 += 1 } }
}

@Suite struct TurnTests {
    /// The most plugins that were at work at once, by what each wrote at its start and its end.
    private static func most(_ log: String) -> Int {
        var (now, most) = (0, 0)
        for line in log.split(separator: "\n") {
            now += line.hasPrefix("begin") ? 1 : -1
            most = max(most, now)
        }
        return most
    }

    /// A plugin that notes when it begins and ends, and takes a while.
    private static let plugin = """
        #!/bin/sh
        here=$(dirname "$(dirname "$0")")
        cat >/dev/null
        echo "begin $CNI_COMMAND" >>"$here/turns"
        sleep 0.2
        echo "end $CNI_COMMAND" >>"$here/turns"
        [ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.2/24"}]}'
        exit 0

        """

    private func fake() throws -> FakeNetwork {
        let fake = try FakeNetwork(plugins: [])
        try Files.writeAtomically(Array(Self.plugin.utf8), to: fake.path + "/bin/slow", mode: 0o755)
        try fake.configure(version: "1.1.0", plugins: ["slow"])
        return fake
    }

    @Test("No more plugins run at once than may, each pod's time begins with its turn, and all come through")
    func bounded() async throws {
        let fake = try fake()
        var options = fake.options()
        (options.parallelAdditions, options.parallelRemovals) = (2, 3)
        // All together take longer than one may.
        options.pluginTimeout = .seconds(3)
        let network = try await CNINetworking(options: options, logger: quiet)
        let begun = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 { group.addTask { _ = try await network.attach(pod("p\(number)")) { begun.add() } } }
            try await group.waitForAll()
        }
        #expect(begun.value == 40)
        #expect(Self.most(try Files.readText(fake.path + "/turns")) <= 2)
        try Files.removeTree(fake.path + "/turns")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<12 { group.addTask { try await network.detach(pod("p\(number)")) } }
            try await group.waitForAll()
        }
        #expect(Self.most(try Files.readText(fake.path + "/turns")) <= 3)
    }

    @Test("Garbage is collected alone, and pods that come meanwhile are not taken for it")
    func collectionIsAlone() async throws {
        let fake = try fake()
        let network = try await fake.networking()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 { group.addTask { _ = try await network.attach(pod("p\(number)")) } }
            for _ in 0..<2 { group.addTask { try await network.collectGarbage { _ in true } } }
            for number in 4..<8 { group.addTask { _ = try await network.attach(pod("p\(number)")) } }
            try await group.waitForAll()
        }
        var underWay: [Substring: Int] = [:]
        for line in try Files.readText(fake.path + "/turns").split(separator: "\n") {
            let words = line.split(separator: " ")
            underWay[words[1], default: 0] += words[0] == "begin" ? 1 : -1
            #expect((underWay["GC"] ?? 0) == 0 || (underWay["ADD"] ?? 0) == 0 && (underWay["GC"] ?? 0) <= 1)
        }
        #expect(try fake.cached().count == 8)
    }

    @Test("A plugin that a killed daemon left at work is waited for before its pod is taken down")
    func leftovers() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        let network = try await fake.networking()
        _ = try await network.attach(pod("p1"))
        _ = try fake.calls()
        // As the daemon before started it.
        let script = "read line; echo late >>\(fake.path)/log"
        let path = fake.options().pluginDirectories.joined(separator: ":")
        let (end, input) = try makePipe()
        let plugin = try await Command(
            "/bin/sh", ["-c", script], environment: ["CNI_CONTAINERID": "p1", "CNI_PATH": path, "PATH": "/bin"], descriptors: [0: end.raw]
        ).spawn()
        end.close()
        for _ in 0..<500 where try !HostProcess.all().contains(where: { $0.pid == plugin.pid && $0["CNI_CONTAINERID"] == "p1" }) {
            try await Task.sleep(for: .milliseconds(10))
        }
        let next = try await fake.networking()
        let detaching = Task { try await next.detach(pod("p1")) }
        // Another pod does not wait.
        _ = try await next.attach(pod("p2"))
        #expect(try fake.calls() == ["ADD one"])
        try input.setNonBlocking()
        try await input.writeAll(Array("\n".utf8))
        try await detaching.value
        #expect(try fake.calls() == ["late", "DEL one"])
        _ = try await plugin.wait()
    }
}
