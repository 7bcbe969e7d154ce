/// A property of a unit as systemd takes it over D-Bus: org.freedesktop.systemd1(5).
public struct UnitProperty: Sendable, Equatable {
    public let name: String
    public let value: Value

    public init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    public enum Value: Sendable, Equatable {
        case boolean(Bool)
        case signed(Int32)
        case number(UInt64)
        case text(String)
        case texts([String])
        case processes([Int32])
        /// A bit a CPU or memory node, the lowest first.
        case mask([UInt8])

        /// The D-Bus type.
        var signature: String {
            switch self {
            case .boolean: "b"
            case .signed: "i"
            case .number: "t"
            case .text: "s"
            case .texts: "as"
            case .processes: "au"
            case .mask: "ay"
            }
        }
    }
}

/// A unit that systemd knows of.
public struct SystemdUnit: Sendable, Equatable {
    public let name: String
    public let description: String
    /// `active`, `failed` and so on.
    public let state: String
}

/// Why systemd did not do what was asked.
public enum SystemdError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Neither its own socket nor the system bus answers.
    case unreachable(reason: String)
    /// The connection broke before the answer came.
    case disconnected(operation: String)
    case timedOut(operation: String)
    /// Its own error: the D-Bus name and the text.
    case refused(operation: String, name: String, message: String)
    /// What was asked for was begun and did not come to be: `failed`, `canceled`, `timeout`, `dependency`.
    case jobEnded(operation: String, result: String)

    public var description: String {
        switch self {
        case .unreachable(let reason): "systemd cannot be reached, neither by its own socket nor by the system bus: \(reason)"
        case .disconnected(let operation): "the connection to systemd broke during \(operation)"
        case .timedOut(let operation): "systemd did not answer to \(operation) in time"
        case .refused(let operation, _, let message): "systemd refused \(operation): \(message)"
        case .jobEnded(let operation, let result): "systemd's \(operation) ended as '\(result)'"
        }
    }

    func isNamed(_ wanted: String) -> Bool {
        if case .refused(_, "org.freedesktop.systemd1.\(wanted)", _) = self { return true }
        return false
    }
}
