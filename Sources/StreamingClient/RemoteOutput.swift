import FoundationEssentials
import NIOCore
import Streaming

/// What a session gave.
package struct RemoteOutput: Sendable {
    private var bytes: [StreamKind: ByteBuffer] = [:]

    package subscript(kind: StreamKind) -> ByteBuffer {
        get { bytes[kind] ?? ByteBuffer() }
        set { bytes[kind] = newValue }
    }

    package var stdout: String { String(buffer: self[.stdout]) }
    package var stderr: String { String(buffer: self[.stderr]) }
    /// The Status that ended the session, as JSON.
    package var status: String { String(buffer: self[.error]) }

    /// The command's exit code; nil where it has none, since it could not be run.
    package var exitCode: Int? {
        struct Status: Decodable {
            struct Details: Decodable {
                struct Cause: Decodable {
                    let reason: String
                    let message: String
                }

                let causes: [Cause]
            }

            let status: String
            let details: Details?
        }
        guard let status = try? JSONDecoder().decode(Status.self, from: Data(status.utf8)) else { return nil }
        if status.status == "Success" { return 0 }
        return status.details?.causes.first { $0.reason == "ExitCode" }.flatMap { Int($0.message) }
    }
}
