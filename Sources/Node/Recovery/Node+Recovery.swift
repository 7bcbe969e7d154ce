import Linux
import OCIRuntime

extension Node {
    /// Start-up: makes the records and the node agree, whatever instant the daemon last stopped at.
    ///
    /// What was being made is undone, what was being ended is finished, what runs is taken up, and what nobody owns goes. That runs plugins and
    /// runtimes, so it goes on beside serving, for each pod by itself: a request for a pod waits for that pod alone.
    /// A step that fails is logged and tried again at the next start: a broken pod must not keep a node down.
    func beginRecovery(_ survey: Survey) async {
        // Containers without their pod are halves of a removal.
        let ids = Set(inventory.pods().map(\.id)).union(inventory.containers().map(\.podID))
        for id in ids { await recoveries.begin(id) { [self] in await recover(podID: id, survey) } }
        Task.detached { [self] in await removeUnowned(survey) }
    }

    /// Waits until a pod of the daemon before this one has been made whole.
    /// - Throws: `CancellationError`.
    func recovered(_ podID: String) async throws { try await recoveries.end(of: podID) }

    private func recover(podID: String, _ survey: Survey) async {
        for container in inventory.containers(ofPod: podID) { await recover(container, survey) }
        guard inventory.hasPod(podID) else { return }
        await locks.withLock(podID) { [self] in await recoverLocked(podID) }
    }

    private func recover(_ container: ContainerRecord, _ survey: Survey) async {
        if survey.takenCheckpoints.contains(container.id) { await recoverCheckpoint(container.id) }
        do {
            guard inventory.hasPod(container.podID) else {
                try await release(container)
                return try await inventory.removeContainer(container.id)
            }
            // As it is after the first look.
            let container = try inventory.container(container.id)
            switch container.phase {
            case .creating, .removing:
                try await endLeftovers(of: container.id)
                try await release(container)
                try await inventory.removeContainer(container.id)
            case .starting where container.restore != nil: try await recoverRestore(of: container)
            case .starting: try await recoverStart(of: container)
            case .created, .running, .exited: break
            }
        } catch {
            logger(container: container).error("recovering the container failed", metadata: ["error": "\(error)"])
            if container.phase == .creating { await undoLater(container: container.id) }
        }
    }

    /// A start that was cut off: the runtime that was to do it ends by itself, and then the container runs, or can be started again.
    private func recoverStart(of container: ContainerRecord) async throws {
        try await endStart(of: container.id)
        guard try await !observe(container) else { return }
        try await inventory.updateContainer(container.id) {
            guard $0.phase == .starting, $0.exit == nil else { return }
            $0.phase = .created
            $0.startedAt = 0
        }
    }

    private func recoverLocked(_ id: String) async {
        guard let pod = try? inventory.pod(id) else { return }
        do {
            switch pod.phase {
            case .creating, .removing:
                try await endLeftovers(of: id)
                try await release(pod)
                try await forget(pod)
            case .stopping:
                try await stopLocked(id)
                if pod.failed == true { try await forget(try inventory.pod(id)) }
            case .stopped where pod.failed == true: try await forget(pod)
            case .ready, .stopped: break
            }
        } catch {
            logger(pod: pod).error("recovering the pod failed", metadata: ["error": "\(error)"])
            if pod.phase == .creating || pod.failed == true { await undoLater(pod: id) }
        }
    }

    /// Looks what became of a container's process and writes it down; whether it has ended.
    @discardableResult
    func observe(_ container: ContainerRecord) async throws -> Bool {
        let runtime = try runtimes.runtime(of: pod(of: container))
        switch try await runtime.observe(process(of: container)) {
        case .ending: return false
        case .running(let started):
            try await inventory.updateContainer(container.id, isFact: true) {
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
}
