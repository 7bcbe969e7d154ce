import Glibc
import Testing

@testable import Linux

@Suite struct HostProcessTests {
    private let mark = "\(UInt64.random(in: .min ... .max))"

    private func marked() throws -> [HostProcess] { try HostProcess.all().filter { $0["MARK"] == mark } }

    @Test func aProcessIsFoundByItsWordsAndWaitedFor() async throws {
        let child = try await Command("/bin/sh", ["-c", "read line", "name"], environment: ["MARK": mark, "EMPTY": ""]).spawn()
        // Until it has executed its program it bears our words.
        var found = try marked()
        while found.isEmpty { found = try marked() }
        let process = try #require(found.first)
        #expect(found.count == 1 && process.pid == child.pid)
        #expect(process.arguments.last == "name" && process["EMPTY"] == "" && process["NONE"] == nil)
        // Its input is empty: it ends by itself.
        try await process.end(by: .now + .seconds(30))
        _ = try await child.wait()
        #expect(try marked().isEmpty)
    }

    @Test func oneThatDoesNotEndIsKilled() async throws {
        let child = try await Command("/bin/sleep", ["600"], environment: ["MARK": mark]).spawn()
        var found = try marked()
        while found.isEmpty { found = try marked() }
        for process in found { try await process.end(by: .now) }
        #expect(try await child.wait() == .signaled(SIGKILL))
    }
}
