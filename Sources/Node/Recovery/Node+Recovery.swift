import Linux
import OCIRuntime

extension Node {
    /// Start-up: makes the records and the node agree, whatever instant the daemon last stopped at.
    ///
    /// What was being made is undone, what was being ended is finished, what runs is taken up, and what nobody owns goes.
    /// A step that fails is logged and tried again at the next start: a broken pod must not keep a node down.
    func recover() async {
        await recoverCheckpoints()
        for container in inventory.containers() { await recover(container) }
        for pod in inventory.pods() { await recover(pod) }
        await removeUnowned()
    }

    private func recover(_ container: ContainerRecord) async {
        let log = logger(container: container)
        do {
            // A container without its pod is half of a removal.
            guard (try? inventory.pod(container.podID)) != nil else {
                try await release(container)
                return try await inventory.removeContainer(container.id)
            }
            switch container.phase {
            case .creating, .removing:
                try await endUnrecorded(container)
                try await release(container)
                try await inventory.removeContainer(container.id)
            case .created where container.awaitsRestore: break
            case .starting where container.restore != nil: try await recoverRestore(of: container)
            case .created, .starting, .running:
                let bundle = containerFiles.bundle(container.id)
                try await BlockingPool.shared.run { ExecLeftovers.end(bundle: bundle, containerID: container.id) }
                if try await !observe(container), let known = try? inventory.container(container.id) {
                    cgroups.watch(known)
                    follow(known)
                }
            case .exited:
                break
            }
        } catch {
            log.error("recovering the container failed", metadata: ["error": "\(error)"])
        }
    }

    private func recover(_ pod: PodRecord) async {
        do {
            switch pod.phase {
            case .creating:
                try await release(pod)
                try await forget(pod)
            case .removing:
                try await release(pod)
                try await forget(pod)
            case .stopping:
                try await locks.withLock(pod.id) { [self] in try await stopLocked(pod.id) }
            case .ready where !podFiles.isWhole(pod):
                // The node was started anew: its namespaces are gone, and with them what ran in them.
                logger(pod: pod).notice("the pod did not survive the node's restart")
                try await locks.withLock(pod.id) { [self] in try await stopLocked(pod.id) }
            case .ready: followInit(of: pod)
            case .stopped: break
            }
        } catch {
            logger(pod: pod).error("recovering the pod failed", metadata: ["error": "\(error)"])
        }
    }

    /// Looks what became of a container's process and writes it down; whether it has ended.
    @discardableResult
    func observe(_ container: ContainerRecord) async throws -> Bool {
        let runtime = try runtimes.runtime(of: pod(of: container))
        switch try await runtime.observe(process(of: container)) {
        case .ending: return false
        case .running(let started):
            try await inventory.updateContainer(container.id) {
                if $0.phase == .starting || $0.phase == .created, started { $0.phase = .running }
            }
            return false
        case .exited(let code, let time):
            await noteEnd(of: container, code: code, at: time)
            return true
        case .lost(let loss):
            await noteEnd(of: container, code: 255, message: loss.message)
            return true
        }
    }

    /// Removes what carries the id of no pod or container: directories, mounts, namespaces, network attachments.
    private func removeUnowned() async {
        let pods = Set(inventory.pods().map(\.id))
        let containers = Set(inventory.containers().map(\.id))
        await attempt("ending unowned scopes") { [self] in try await cgroups.endUnownedScopes(keeping: pods.union(containers)) }
        await attempt("collecting network attachments") { [self] in try await network.collectGarbage(keeping: pods) }
        let podEntries = await entries(podFiles.root)
        for id in podEntries where !pods.contains(id) {
            await attempt("removing the unowned pod \(id)") { [self] in
                try await pinner.unpin(directory: podFiles.namespaces(id))
                try await BlockingPool.shared.run { [podFiles] in try podFiles.remove(id) }
            }
        }
        let containerEntries = await entries(containerFiles.root)
        for id in containerEntries where !containers.contains(id) {
            await attempt("removing the unowned bundle \(id)") { [self] in
                try await BlockingPool.shared.run { [containerFiles] in try containerFiles.remove(id) }
            }
        }
        let exits = await entries(settings.exitDirectory)
        for id in exits where !containers.contains(id) {
            await attempt("removing the unowned exit of \(id)") { [self] in
                let path = "\(settings.exitDirectory)/\(id)"
                try await BlockingPool.shared.run { try Files.removeTree(path) }
            }
        }
        await attempt("removing unowned checkpoints") { [self] in try await removeUnownedCheckpoints(keeping: containers) }
        await attempt("removing unowned root file systems") { [self] in
            for id in try await rootFileSystems.list() where !containers.contains(id) { try await rootFileSystems.remove(id) }
        }
    }

    private func entries(_ directory: String) async -> [String] {
        (try? await BlockingPool.shared.run { try Files.list(directory) }) ?? []
    }

    private func attempt(_ what: String, _ body: () async throws -> Void) async {
        do { try await body() } catch { logger.error("\(what) failed; the next start tries again", metadata: ["error": "\(error)"]) }
    }
}
