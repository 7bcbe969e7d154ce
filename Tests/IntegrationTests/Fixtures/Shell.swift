import Glibc
import Linux
import Testing

/// A command on this machine that failed.
struct ShellError: Error, CustomStringConvertible {
    let command: String
    let status: Linux.ExitStatus
    let message: String
    var description: String { "\(command): \(status): \(message)" }
}

/// The PATH of every program started here: the network tools live in sbin.
let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/// Runs a shell script on this machine.
/// - Returns: its output.
/// - Throws: `ShellError` if it fails, `CommandTimeout` after a minute.
@discardableResult
func shell(_ script: String) async throws -> String {
    let command = Command("/bin/bash", ["-euo", "pipefail", "-c", script], environment: ["PATH": searchPath], newSession: true)
    let output = try await command.run(timeout: .seconds(60))
    guard output.status.isSuccess else { throw ShellError(command: script, status: output.status, message: output.errorText) }
    return String(decoding: output.output, as: UTF8.self)
}

/// Tries until `condition` holds. Records an issue where it does not within `limit`.
func eventually(
    _ what: Comment, within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
}

/// A new directory beneath /var/tmp: a real file system, on which overlay mounts can lie.
func makeTemporaryDirectory() throws -> String {
    var template = Array("/var/tmp/swiftlet-test.XXXXXX".utf8CString)
    let made: String? = template.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let made else { throw SystemError("mkdtemp", "/var/tmp") }
    return made
}
