import Linux

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

    /// The versions of the specification that are spoken here.
    static let versions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]

    /// Reads a file: a list of plugins (`.conflist`) or a single plugin's configuration (`.conf`, `.json`).
    /// - Throws: `NetworkError.configuration` naming what is wrong.
    public init(file: String, bytes: [UInt8]) throws(NetworkError) {
        func bad(_ reason: String) -> NetworkError { .configuration(file: file, reason: reason) }
        let value: JSONValue
        do { value = try JSONValue(bytes: bytes) } catch { throw bad("it is no JSON: \(error)") }
        guard case .object(let fields) = value else { throw bad("it is no JSON object") }
        guard let name = fields["name"]?.text, !name.isEmpty else { throw bad("it has no name") }
        let isList = file.hasSuffix(".conflist")
        let entries = isList ? fields["plugins"]?.items ?? [] : [value]
        guard !entries.isEmpty else { throw bad("it has no plugins") }
        self.name = name
        cniVersion = fields["cniVersion"]?.text ?? "0.2.0"
        guard Self.versions.contains(cniVersion) else {
            throw bad("its cniVersion '\(cniVersion)' is not known; use \(Self.versions.suffix(4).joined(separator: ", "))")
        }
        disableCheck = fields["disableCheck"]?.isTrue ?? false
        disableGC = fields["disableGC"]?.isTrue ?? false
        plugins = []
        for (index, entry) in entries.enumerated() {
            guard case .object(let configuration) = entry, let type = configuration["type"]?.text, !type.isEmpty,
                !type.contains("/")
            else { throw bad("plugin \(index + 1) has no type") }
            var capabilities: Set<String> = []
            if case .object(let wanted) = configuration["capabilities"] { capabilities = Set(wanted.filter { $0.value.isTrue }.keys) }
            plugins.append(Plugin(type: type, capabilities: capabilities, configuration: configuration))
        }
    }

    /// Whether the version of the specification has an operation.
    func speaks(since version: String) -> Bool {
        let order = Self.versions
        guard let own = order.firstIndex(of: cniVersion), let least = order.firstIndex(of: version) else { return false }
        return own >= least
    }
}

/// The networks that a directory's files describe.
struct NetworkDirectory: Sendable, Equatable {
    var networks: [NetworkList] = []
    /// Files that cannot be used, with the reasons.
    var problems: [String] = []

    /// Reads the files in lexical order of their names. Blocks.
    static func read(_ path: String) -> NetworkDirectory {
        var result = NetworkDirectory()
        let names = (try? Files.list(path)) ?? []
        for name in names where [".conflist", ".conf", ".json"].contains(where: name.hasSuffix) {
            do {
                result.networks.append(try NetworkList(file: name, bytes: try Files.readBytes("\(path)/\(name)")))
            } catch {
                result.problems.append("\(error)")
            }
        }
        return result
    }

    /// The network that pods are put on.
    /// - Throws: `NetworkError.notReady` saying what to do.
    func chosen(_ name: String?, directory: String) throws(NetworkError) -> NetworkList {
        let found = name.map { name in networks.first { $0.name == name } } ?? networks.first
        if let found { return found }
        let reasons = problems.isEmpty ? "" : "; \(problems.joined(separator: "; "))"
        if let name { throw .notReady("no CNI network named \(name) in \(directory)\(reasons)") }
        throw .notReady("no CNI configuration file in \(directory)\(reasons)")
    }
}
