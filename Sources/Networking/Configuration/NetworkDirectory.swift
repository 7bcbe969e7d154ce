import Linux

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
