/// A network: plugins that are run one after the other. CNI specification 1.1, section 1 "Network configuration format".
public struct NetworkList: Sendable, Codable, Equatable {
    public var name: String
    public var cniVersion: String
    public var plugins: [Plugin]
    public var disableCheck: Bool
    public var disableGC: Bool

    /// One plugin's configuration: what is known of it, and the whole.
    public struct Plugin: Sendable, Codable, Equatable {
        public var type: String
        public var capabilities: Set<String>
        public var configuration: [String: JSONValue]
    }

    /// The versions of the specification that are spoken here, ascending.
    static let versions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]

    /// Reads a file: a list of plugins (`.conflist`) or a single plugin's configuration (`.conf`, `.json`).
    /// - Throws: `NetworkError.configuration` naming what is wrong.
    public init(file: String, bytes: [UInt8]) throws(NetworkError) {
        func bad(_ reason: String) -> NetworkError { .configuration(file: file, reason: reason) }
        let value: JSONValue
        do { value = try JSONValue(bytes: bytes) } catch { throw bad("it is no JSON: \(error)") }
        guard case .object(let fields) = value else { throw bad("it is no JSON object") }
        guard let name = fields["name"]?.text, Self.isName(name) else {
            throw bad("it has no name, or one that is not of letters, digits, '_', '.' and '-', a letter or digit first")
        }
        self.name = name
        cniVersion = try Self.version(fields, bad)
        disableCheck = try Self.flag("disableCheck", fields, bad)
        disableGC = try Self.flag("disableGC", fields, bad)
        plugins = []
        for (index, entry) in try Self.entries(value, isList: file.hasSuffix(".conflist"), bad).enumerated() {
            do { plugins.append(try Plugin(entry)) } catch { throw bad("plugin \(index + 1) \(error.reason)") }
        }
    }

    /// Of several versions the highest that is known. Without any it is a file from before versions.
    private static func version(
        _ fields: [String: JSONValue], _ bad: (String) -> NetworkError
    ) throws(NetworkError) -> String {
        let single = fields["cniVersion"]
        if let single, single.text == nil { throw bad("its cniVersion is no text") }
        var offered = single?.text.map { [$0] } ?? []
        if let several = fields["cniVersions"] {
            guard let items = several.items else { throw bad("its cniVersions is no list") }
            offered += items.compactMap(\.text)
        }
        if offered.isEmpty { return "0.2.0" }
        if let highest = versions.last(where: offered.contains) { return highest }
        let known = versions.suffix(4).joined(separator: ", ")
        throw bad("its cniVersion \(offered.joined(separator: ", ")) is not known; use one of \(known)")
    }

    private static func flag(
        _ key: String, _ fields: [String: JSONValue], _ bad: (String) -> NetworkError
    ) throws(NetworkError) -> Bool {
        switch fields[key] {
        case nil, .null?, .bool(false)?, .string("false")?: false
        case .bool(true)?, .string("true")?: true
        default: throw bad("its \(key) is neither true nor false")
        }
    }

    private static func entries(
        _ value: JSONValue, isList: Bool, _ bad: (String) -> NetworkError
    ) throws(NetworkError) -> [JSONValue] {
        let plugins = value["plugins"]
        guard isList else {
            if plugins != nil, value["type"] == nil { throw bad("it is a list of plugins: name it .conflist") }
            return [value]
        }
        guard let items = plugins?.items, !items.isEmpty else { throw bad("it has no plugins") }
        return items
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetterOrDigit(first) else { return false }
        return text.utf8.allSatisfy { isLetterOrDigit($0) || "_.-".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }

    /// Whether the version of the specification has an operation.
    func speaks(since version: String) -> Bool {
        let order = Self.versions
        guard let own = order.firstIndex(of: cniVersion), let least = order.firstIndex(of: version) else { return false }
        return own >= least
    }
}

extension NetworkList.Plugin {
    struct Malformed: Error { let reason: String }

    fileprivate init(_ value: JSONValue) throws(Malformed) {
        guard case .object(let configuration) = value else { throw Malformed(reason: "is no JSON object") }
        guard let type = configuration["type"]?.text, !type.isEmpty else { throw Malformed(reason: "has no type") }
        // It is a file's name in the plugins' directories and must not lead out of them.
        guard !type.contains("/"), type != ".", type != "..", !type.contains("\0") else {
            throw Malformed(reason: "has a type that is no file name: \(type.debugDescription)")
        }
        var capabilities: Set<String> = []
        switch configuration["capabilities"] {
        case nil, .null?: break
        case .object(let wanted)?: capabilities = Set(wanted.filter { $0.value.isTrue }.keys)
        default: throw Malformed(reason: "has capabilities that are no JSON object")
        }
        self.init(type: type, capabilities: capabilities, configuration: configuration)
    }
}
