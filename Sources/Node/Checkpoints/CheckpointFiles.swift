import Glibc
import Linux

/// Where checkpoints are gathered and unpacked: beside the images, since they are as large as containers' memory.
struct CheckpointFiles: Sendable {
    /// `<root>/checkpoints`.
    let root: String

    /// The parts of a checkpoint of a container while it is taken.
    func taken(_ id: String) -> String { "\(root)/taken/\(id)" }
    /// What a container is to be restored from.
    func restored(_ id: String) -> String { "\(root)/restored/\(id)" }
    var allTaken: String { "\(root)/taken" }
    var allRestored: String { "\(root)/restored" }

    /// The archive's name while it is written, beside where it is to be.
    static func temporary(_ location: String, _ id: String) -> String { "\(location).\(id.prefix(13)).partial" }

    private func note(_ id: String) -> String { "\(taken(id))/temporary-archive" }

    /// Makes the directory of a checkpoint that is about to be taken, with a note of the file that a crash would leave elsewhere.
    /// Blocks.
    func begin(_ id: String, temporary: String) throws {
        try Files.removeTree(taken(id))
        try Files.makeDirectories(taken(id), mode: 0o700)
        try Files.writeAtomically(Array(temporary.utf8), to: note(id))
    }

    /// Removes all that taking a checkpoint has made but the archive itself. Idempotent. Blocks.
    func end(_ id: String) throws {
        if let temporary = try? Files.readText(note(id)), temporary.hasSuffix(".partial") { try Files.removeTree(temporary) }
        try Files.removeTree(taken(id))
    }

    /// Ends runtimes that a daemon which is no more has left at taking a checkpoint, and CRIU with them.
    /// - Throws: `SystemError`, with ETIMEDOUT where they do not go.
    func endTakers(_ id: String) async throws {
        var groups: Set<Int32> = []
        while true {
            // Again each time: one that is killed may have started another.
            let found = try await BlockingPool.shared.run { [groups] in
                let all = try HostProcess.all()
                let leaders = all.filter { process in
                    zip(process.arguments, process.arguments.dropFirst()).contains { $0 == "--work-path" && $1 == taken(id) }
                }
                let groups = groups.union(leaders.map(\.pid))
                return (groups, all.filter { groups.contains($0.group) })
            }
            groups = found.0
            if found.1.isEmpty { return }
            for process in found.1 { try process.kill() }
            for process in found.1 { try await process.end(by: .now + .seconds(10)) }
        }
    }
}
