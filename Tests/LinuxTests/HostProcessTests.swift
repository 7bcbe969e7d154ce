import Glibc
import Testing

@testable import Linux

@Suite struct HostProcessTests {
    private let mark = "\(UInt64.random(in: .min ... .max))"

    private func marked() throws -> [HostProcess] { try HostProcess.all().filter { $0["MARK"] == mark } }

    /// Those that bear the mark: until a child has executed its program it bears our words.
    private func started() async throws -> [HostProcess] {
        for _ in 0..<500 {
            let found = try marked()
            if !found.isEmpty { return found }
            try await Task.sleep(for: .milliseconds(10))
        }
        return []
    }

    @Test func aProcessIsFoundByItsWordsAndWaitedFor() async throws {
        let (input, open) = try makePipe()
        let child = try await Command(
            "/bin/sh", ["-c", "read line", "name"], environment: ["MARK": mark, "EMPTY": ""], descriptors: [0: input.raw]
        ).spawn()
        let found = try await started()
        let process = try #require(found.first)
        #expect(found.count == 1 && process.pid == child.pid)
        #expect(process.arguments.last == "name" && process["EMPTY"] == "" && process["NONE"] == nil)
        open.close()
        try await process.end(by: .now + .seconds(30))
        _ = try await child.wait()
        #expect(try marked().isEmpty)
    }

    @Test func oneThatDoesNotEndIsKilled() async throws {
        let child = try await Command("/bin/sleep", ["600"], environment: ["MARK": mark]).spawn()
        let found = try await started()
        #expect(!found.isEmpty)
        for process in found { try await process.end(by: .now) }
        #expect(try await child.wait() == .signaled(SIGKILL))
    }
}
