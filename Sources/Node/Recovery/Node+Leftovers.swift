import Linux
import OCIRuntime

// What a daemon that was killed has left: programs at work, and what carries the id of nobody.
extension Node {
    /// How long a program of the daemon before may go on before it is killed.
    private static let leftoverLimit: Duration = .seconds(20)

    /// Waits for the programs that are still at work for a pod or a container that is to be undone: what they make now would stay. Its
    /// monitor is killed, since it would not end.
    /// - Throws: `SystemError`.
    func endLeftovers(of id: String) async throws {
        let monitors = Set(settings.handlers.map(\.monitorPath))
        try await endLeftovers(of: id, killing: { process in process.arguments.first.map(monitors.contains) == true })
    }

    /// Waits for the runtime that is still at work at a container's start.
    /// - Throws: `SystemError`.
    func endStart(of id: String) async throws {
        try await endLeftovers(of: id, among: { $0.arguments.contains("start") })
    }

    private func endLeftovers(
        of id: String, killing kills: @Sendable (HostProcess) -> Bool = { _ in false },
        among isMeant: @escaping @Sendable (HostProcess) -> Bool = { _ in true }
    ) async throws {
        let programs = Set(settings.handlers.flatMap { [$0.path, $0.monitorPath] } + [settings.pinnerPath])
        let deadline = ContinuousClock.now + Self.leftoverLimit
        while true {
            // Again each time: a monitor starts runtimes.
            let found = try await BlockingPool.shared.run {
                try HostProcess.all().filter { process in
                    // A script's own name comes after its shell's.
                    process.arguments.prefix(2).contains { programs.contains($0) } && process.arguments.contains { $0.contains(id) }
                        && isMeant(process)
                }
            }
            if found.isEmpty { return }
            logger.notice("ending what the daemon before was at", metadata: ["id": "\(id)", "processes": "\(found.map(\.pid))"])
            // With what it has started: a hook that hangs would stay.
            let killed = found.filter(kills)
            try await BlockingPool.shared.run { for process in killed { ProcessTree.kill(process.pid) } }
            for process in found { try await process.end(by: deadline) }
        }
    }

    /// Removes what carries the id of no pod or container: directories, mounts, namespaces, network attachments. Others may be made
    /// meanwhile: only what was there at the daemon's start can be nobody's.
    func removeUnowned(_ survey: Survey) async {
        await attempt("ending unowned scopes") { [self] in
            try await cgroups.endUnownedScopes { [inventory] in inventory.hasPod($0) || inventory.hasContainer($0) }
        }
        for id in survey.pods where !inventory.hasPod(id) {
            await attempt("removing the unowned pod \(id)") { [self] in
                try await pinner.unpin(directory: podFiles.namespaces(id))
                try await BlockingPool.shared.run { [podFiles] in try podFiles.remove(id) }
            }
        }
        for id in survey.containers where !inventory.hasContainer(id) {
            await attempt("removing the unowned bundle \(id)") { [self] in
                try await BlockingPool.shared.run { [containerFiles] in try containerFiles.remove(id) }
            }
        }
        for id in survey.exits where !inventory.hasContainer(id) {
            await attempt("removing the unowned exit of \(id)") { [self] in
                let path = "\(settings.exitDirectory)/\(id)"
                try await BlockingPool.shared.run { try Files.removeTree(path) }
            }
        }
        for id in survey.takenCheckpoints where !inventory.hasContainer(id) { await recoverCheckpoint(id) }
        for id in survey.restoredCheckpoints where !inventory.hasContainer(id) {
            await attempt("removing the unowned checkpoint of \(id)") { [self] in try await forgetCheckpoint(id) }
        }
        for id in survey.rootFileSystems where !inventory.hasContainer(id) {
            await attempt("removing the unowned root file system of \(id)") { [self] in try await rootFileSystems.remove(id) }
        }
        // Last, as plugins may take long.
        await attempt("collecting network attachments") { [self] in try await network.collectGarbage { [inventory] in inventory.hasPod($0) } }
    }

    private func attempt(_ what: String, _ body: () async throws -> Void) async {
        do { try await body() } catch { logger.error("\(what) failed; the next start tries again", metadata: ["error": "\(error)"]) }
    }
}
