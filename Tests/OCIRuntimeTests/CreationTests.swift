import Foundation
import Glibc
import Linux
import Logging
import Testing

@testable import OCIRuntime

/// Creations with a script in the monitor's place.
@Suite struct CreationTests {
    private func creation(
        _ script: String, within limit: Duration = .seconds(60), _ body: (String) async throws -> Void = { _ in }
    ) async throws -> RuntimeError? {
        let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try Files.makeDirectories(directory)
        let monitor = "\(directory)/conmon"
        try Files.writeAtomically(Array("#!/bin/sh\n\(script)\n".utf8), to: monitor)
        #expect(chmod(monitor, 0o755) == 0)
        var handler = RuntimeHandler(name: "runc", path: "/no/runc", root: directory, monitorPath: monitor, exitDirectory: directory)
        handler.createTimeout = limit
        let runtime = OCIRuntime(handler: handler, logger: Logger(label: "test"))
        do {
            _ = try await runtime.create(CreateRequest(id: "c-\(UUID().uuidString)", name: "c", bundle: directory, logPath: ""))
        } catch let error as RuntimeError {
            try await body(directory)
            return error
        }
        return nil
    }

    /// Leaves the daemon's family as conmon does, starts a program, says nothing, and would go on for ever.
    private static let silent = """
        if [ -z "$AGAIN" ]; then AGAIN=1 setsid "$0" "$@" & wait; exit 0; fi
        trap '' TERM
        setsid sleep 10000 & echo $! > sleep
        echo $$ > own
        while :; do sleep 10000; done
        """

    @Test func whatDoesNotAnswerIsEndedWithAllThatItStarted() async throws {
        let error = try await creation(Self.silent, within: .seconds(3)) { directory in
            for name in ["own", "sleep"] {
                let pid = try #require(Int32(try Files.readText("\(directory)/\(name)").filter(\.isNumber)))
                // A killed process takes a moment, and the host's init reaps it.
                for _ in 0..<1000 where ProcessStatus.read(pid)?.isAlive == true { try await Task.sleep(for: .milliseconds(10)) }
                #expect(ProcessStatus.read(pid)?.isAlive != true, "\(name) \(pid)")
            }
        }
        guard case .createTimedOut("create", _, .seconds(3)) = error else { Issue.record("it says \(String(describing: error))"); return }
    }

    @Test func whatTheMonitorSaysIsTold() async throws {
        let error = try await creation("echo 'no such option' >&2; exit 1")
        guard case .monitorFailed(_, "no such option") = error else { Issue.record("it says \(String(describing: error))"); return }
        let refused = try await creation(#"echo '{"pid": -1, "message": "no root"}' >&3"#)
        guard case .refused("create", _, "no root") = refused else { Issue.record("it says \(String(describing: refused))"); return }
    }

    @Test func aLongMessageKeepsItsEnds() {
        let name = String(repeating: "a", count: 60_000)
        let essence = RuntimeMessage.essence("level=error msg=\"exec: \\\"/\(name)\\\": file name too long\"")
        #expect(essence.hasPrefix("exec: \"/aaa") && essence.hasSuffix("aaa\": file name too long") && essence.count < 700)
    }
}
