/// Why the daemon does not start with this configuration.
public enum ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    case unreadable(file: String, reason: String)
    case syntax(file: String, reason: String)
    case wrongValue(file: String, line: Int?, key: String, got: String, wanted: String)

    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "the configuration file \(file) cannot be read: \(reason)"
        case .syntax(let file, let reason): "the configuration file \(file) is not TOML: \(reason)"
        case .wrongValue(let file, let line, let key, let got, let wanted):
            "\(file)\(line.map { ":\($0)" } ?? ""): \(key) is \(got); it takes \(wanted)"
        }
    }
}

/// Something in a file that is passed over.
public struct ConfigurationWarning: Sendable, Equatable, CustomStringConvertible {
    public let file: String
    public let line: Int?
    public let message: String

    public var description: String { "\(file)\(line.map { ":\($0)" } ?? ""): \(message)" }
}
