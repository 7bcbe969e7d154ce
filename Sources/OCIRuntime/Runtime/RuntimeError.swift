/// Why the OCI runtime or its monitor did not do what was asked.
public enum RuntimeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The runtime refused; the message is its own.
    case refused(operation: String, container: String, message: String)
    /// The monitor ended without saying what became of the container.
    case monitorFailed(container: String, message: String)
    /// The monitor did not say in time what became of a creation, or a restore. It and what it had started are killed.
    case createTimedOut(operation: String, container: String, limit: Duration)
    /// A command in a container took longer than it may.
    case execTimedOut(command: String, limit: Duration)
    /// The answer is not what the runtime is known to say.
    case unreadable(operation: String, answer: String)

    public var description: String {
        switch self {
        case .refused(let operation, let container, let message):
            "the runtime refused to \(operation) container \(container.prefix(13)): \(message)"
        case .monitorFailed(let container, let message):
            "conmon failed for container \(container.prefix(13)): \(message)"
        case .createTimedOut(let operation, let container, let limit):
            "conmon did not say within \(limit) (container_create_timeout) what came of the runtime's \(operation) of container "
                + "\(container.prefix(13)): it and what it had started were killed (a hook may hang, or a device or file system of the host)"
        case .execTimedOut(let command, let limit):
            "the command '\(command)' did not end within \(limit) and was killed"
        case .unreadable(let operation, let answer):
            "the runtime's answer to \(operation) cannot be read: \(answer.prefix(200))"
        }
    }
}

/// What matters of a runtime's standard error.
enum RuntimeMessage {
    /// The last error's text, cut in its middle where it is long: runc writes logfmt or JSON lines, crun plain ones.
    static func essence(_ text: String) -> String {
        let message = lastError(text)
        guard message.count > 2 * longestPart else { return message }
        return "\(message.prefix(longestPart)) … \(message.suffix(longestPart))"
    }

    /// Characters that are kept at each end of a message: what failed is at its beginning, why at its end.
    private static let longestPart = 300

    private static func lastError(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        guard let line = lines.last(where: { $0.contains("level=error") || $0.contains("level=fatal") }) ?? lines.last else {
            return "it gave no reason"
        }
        guard let start = line.range(of: "msg=\"") else { return line }
        var message = ""
        var escaped = false
        for character in line[start.upperBound...] {
            if escaped {
                message.append(character == "n" ? "\n" : character)
                escaped = false
            } else if character == "\\" {
                escaped = true
            } else if character == "\"" {
                break
            } else {
                message.append(character)
            }
        }
        return message
    }
}
