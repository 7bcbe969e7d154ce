/// One key of the file: where it stands, what it means, how it is read and written. Reading, rendering, the reload and the
/// documentation all go by the list of these.
struct ConfigurationKey: Sendable {
    /// `crio.api`.
    let table: String
    let name: String
    let documentation: String
    /// Whether a running daemon takes up a change.
    let reloads: Bool
    /// The value as TOML.
    let render: @Sendable (Configuration) -> String
    /// Takes the value of the file.
    let read: @Sendable (TOMLScalar, inout Configuration) throws(WrongValue) -> Void
    /// Takes the value of this key from another configuration.
    let copy: @Sendable (Configuration, inout Configuration) -> Void

    var path: String { "\(table).\(name)" }
}

/// A value of the file, as far as keys take it.
enum TOMLScalar: Sendable, Equatable {
    case string(String)
    case integer(Int)
    case bool(Bool)
    case strings([String])
    case table([String: String])
    case other(String)

    var kind: String {
        switch self {
        case .string: "a string"
        case .integer: "an integer"
        case .bool: "a boolean"
        case .strings: "a list of strings"
        case .table: "a table"
        case .other(let kind): kind
        }
    }
}

/// A value that a key does not take: what it takes instead.
struct WrongValue: Error, Equatable {
    let wanted: String
}

/// A type that a key can have.
protocol ConfigurationValue: Equatable, Sendable {
    static var name: String { get }
    static func read(_ value: TOMLScalar) -> Self?
    var toml: String { get }
}

extension String: ConfigurationValue {
    static var name: String { "a string" }
    static func read(_ value: TOMLScalar) -> String? {
        if case .string(let text) = value { text } else { nil }
    }
    /// A basic string, TOML 1.0 "String".
    var toml: String {
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            default:
                if scalar.value < 32 || scalar.value == 127 {
                    let hex = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        return text + "\""
    }
}

extension Bool: ConfigurationValue {
    static var name: String { "true or false" }
    static func read(_ value: TOMLScalar) -> Bool? {
        if case .bool(let bool) = value { bool } else { nil }
    }
    var toml: String { description }
}

extension Int: ConfigurationValue {
    static var name: String { "an integer" }
    static func read(_ value: TOMLScalar) -> Int? {
        if case .integer(let number) = value { number } else { nil }
    }
    var toml: String { description }
}

extension [String]: ConfigurationValue {
    static var name: String { "a list of strings" }
    static func read(_ value: TOMLScalar) -> [String]? {
        if case .strings(let list) = value { list } else { nil }
    }
    var toml: String { "[" + map(\.toml).joined(separator: ", ") + "]" }
}

extension [String: String]: ConfigurationValue {
    static var name: String { "a table of strings" }
    static func read(_ value: TOMLScalar) -> [String: String]? {
        if case .table(let table) = value { table } else { nil }
    }
    var toml: String { "{" + sorted { $0.key < $1.key }.map { "\($0.key.toml) = \($0.value.toml)" }.joined(separator: ", ") + "}" }
}

extension ConfigurationKey {
    /// A key of the value at `path`.
    /// - Parameters:
    ///   - choices: the only values that it takes, where they are few.
    ///   - range: the only numbers that it takes.
    init<V: ConfigurationValue>(
        _ table: String, _ name: String, _ path: any WritableKeyPath<Configuration, V> & Sendable, _ documentation: String,
        reloads: Bool = false, choices: [V] = [], range: ClosedRange<Int>? = nil
    ) {
        self.table = table
        self.name = name
        self.documentation = documentation
        self.reloads = reloads
        render = { $0[keyPath: path].toml }
        copy = { $1[keyPath: path] = $0[keyPath: path] }
        read = { (value, configuration) throws(WrongValue) in
            guard let typed = V.read(value) else { throw WrongValue(wanted: V.name) }
            if !choices.isEmpty, !choices.contains(typed) {
                throw WrongValue(wanted: "one of " + choices.map(\.toml).joined(separator: ", "))
            }
            if let range, let number = typed as? Int, !range.contains(number) {
                throw WrongValue(wanted: "an integer from \(range.lowerBound) to \(range.upperBound)")
            }
            configuration[keyPath: path] = typed
        }
    }
}
