import FoundationEssentials

/// What swiftlet-pin says when it cannot make a pod's namespaces.
public struct PinError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The step that failed, mostly a system call's name.
    public let step: String
    /// What it was about: a file, a sysctl, an argument.
    public let subject: String
    public let reason: String

    public var message: String { "\(step) \(subject): \(reason)" }
    public var description: String { "the pod's namespaces cannot be made: \(message)" }

    /// Reads the first line that swiftlet-pin wrote; where it is none of its own, the whole is the reason.
    init(_ output: CommandOutput, executable: String) {
        struct Line: Decodable { let step, subject, error: String }
        let first = output.error.prefix { $0 != UInt8(ascii: "\n") }
        if let line = try? JSONDecoder().decode(Line.self, from: Data(first)) {
            (step, subject, reason) = (line.step, line.subject, line.error)
        } else {
            let said = output.errorText
            (step, subject) = ("run", executable)
            reason = said.isEmpty ? "it ended with status \(output.status.code) and said nothing" : said
        }
    }
}
