import FoundationEssentials
import NIOCore

/// How an exec or attach ended, as its error stream tells.
struct RemoteStatus: Equatable {
    enum Outcome: Equatable {
        case success
        case exitCode(Int32)
        case failure(String)
    }

    let outcome: Outcome

    /// The bytes for the error stream: nothing or a text up to version 3 of the protocol, from version 4 on a Status of
    /// the Kubernetes API as JSON.
    func message(version: Int) -> ByteBuffer {
        guard version >= 4 else { return ByteBuffer(string: text) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and numbers encode always.
        return ByteBuffer(bytes: (try? encoder.encode(status)) ?? Data(#"{"metadata":{},"status":"Failure"}"#.utf8))
    }

    private var text: String {
        switch outcome {
        case .success: ""
        case .exitCode(let code): "command terminated with exit code \(code)"
        case .failure(let message): message
        }
    }

    private var status: Status {
        switch outcome {
        case .success: Status(status: "Success")
        case .exitCode(let code):
            Status(
                status: "Failure", message: text, reason: "NonZeroExitCode",
                details: Status.Details(causes: [Status.Cause(reason: "ExitCode", message: "\(code)")]))
        case .failure(let message):
            Status(status: "Failure", message: message, reason: "InternalError", code: 500)
        }
    }
}

/// As much of Kubernetes' meta/v1 Status as streaming uses.
private struct Status: Encodable {
    struct Metadata: Encodable {}

    struct Cause: Encodable {
        let reason: String
        let message: String
    }

    struct Details: Encodable {
        let causes: [Cause]
    }

    var metadata = Metadata()
    let status: String
    var message: String?
    var reason: String?
    var details: Details?
    var code: Int?
}
