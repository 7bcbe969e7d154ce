/// The devices that a directory's files define, and those of further directories, which win over it.
public struct DeviceRegistry: Sendable {
    /// A file that is a specification.
    struct Entry: Sendable {
        let path: String
        /// The directory's place in the list: a higher one wins.
        let rank: Int
        let specification: Specification
    }

    public let directories: [String]
    let entries: [Entry]
    /// What is in the directories and no specification.
    public let unreadable: [UnreadableFile]

    /// - Parameter files: each file's path, the place of its directory in `directories`, and its text, or why there is none.
    init(directories: [String], files: [(path: String, rank: Int, text: Result<String, CDIError>)]) {
        self.directories = directories
        var entries: [Entry] = []
        var unreadable: [UnreadableFile] = []
        for file in files {
            do throws(CDIError) {
                entries.append(.init(path: file.path, rank: file.rank, specification: try Specification(try file.text.get())))
            } catch {
                unreadable.append(.init(path: file.path, reason: error.description))
            }
        }
        self.entries = entries
        self.unreadable = unreadable
    }

    /// What a container with these devices gets, in their order. What a file says for all of its devices comes before the
    /// first of them, once. A name that is repeated counts once.
    /// - Throws: `CDIError` naming the devices that no file defines, or that several files of one directory do.
    public func edits(for names: [QualifiedName]) throws(CDIError) -> ContainerEdits {
        var edits = ContainerEdits()
        var unknown: [QualifiedName] = []
        var seen: Set<QualifiedName> = []
        var files: Set<String> = []
        for name in names where seen.insert(name).inserted {
            guard let (entry, device) = try find(name) else {
                unknown.append(name)
                continue
            }
            var own = files.insert(entry.path).inserted ? entry.specification.edits : ContainerEdits()
            own.append(device)
            if let field = own.unsupported.first { throw .unsupported(name, file: entry.path, field: field) }
            edits.append(own)
        }
        guard unknown.isEmpty else { throw .unknownDevices(unknown, directories: directories, unreadable: unreadable) }
        return edits
    }

    private func find(_ name: QualifiedName) throws(CDIError) -> (Entry, ContainerEdits)? {
        let found = entries.compactMap { entry in entry.specification.device(name).map { (entry, $0) } }
        guard let rank = found.map(\.0.rank).max() else { return nil }
        let winners = found.filter { $0.0.rank == rank }
        guard winners.count == 1 else { throw .conflict(name, files: winners.map(\.0.path)) }
        return winners.first
    }
}

extension Specification {
    fileprivate func device(_ name: QualifiedName) -> ContainerEdits? {
        name.vendor == vendor && name.deviceClass == deviceClass ? devices[name.device] : nil
    }
}
