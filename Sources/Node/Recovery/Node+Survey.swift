import Linux
import OCIRuntime

/// What a daemon finds at its start of what the one before it had. Whatever is made later bears another id.
struct Survey: Sendable {
    var pods: [String] = []
    var containers: [String] = []
    var exits: [String] = []
    /// Containers of which a checkpoint was being taken.
    var takenCheckpoints: [String] = []
    /// Containers that a checkpoint is unpacked for.
    var restoredCheckpoints: [String] = []
    var rootFileSystems: [String] = []
}

extension Node {
    /// The part of start-up that comes before the first answer: what lists and statuses tell is right afterwards. It asks the kernel alone;
    /// no program is run, and nobody waited for.
    func survey() async -> Survey {
        var found = Survey()
        found.pods = await entries(podFiles.root)
        found.containers = await entries(containerFiles.root)
        found.exits = await entries(settings.exitDirectory)
        found.takenCheckpoints = await entries(checkpointFiles.allTaken)
        found.restoredCheckpoints = await restoredCheckpoints()
        do { found.rootFileSystems = try await rootFileSystems.list() } catch {
            logger.error("what is left of root file systems is not known", metadata: ["error": "\(error)"])
        }
        await withDiscardingTaskGroup { group in
            for container in inventory.containers() { group.addTask { [self] in await lookAt(container) } }
        }
        for pod in inventory.pods() { await lookAt(pod) }
        return found
    }

    private func entries(_ directory: String) async -> [String] {
        (try? await BlockingPool.shared.run { try Files.list(directory) }) ?? []
    }

    /// Looks what became of a container, and follows what runs.
    private func lookAt(_ container: ContainerRecord) async {
        guard container.mayRun, !container.awaitsRestore, !(container.phase == .starting && container.restore != nil),
            inventory.hasPod(container.podID)
        else { return }
        do {
            let bundle = containerFiles.bundle(container.id)
            try await BlockingPool.shared.run { ExecLeftovers.end(bundle: bundle, containerID: container.id) }
            if try await !observe(container), let known = try? inventory.container(container.id) {
                cgroups.watch(known)
                follow(known)
            }
        } catch {
            logger(container: container).error("looking what became of the container failed", metadata: ["error": "\(error)"])
        }
    }

    /// A pod whose namespaces went with the node is none that is ready: it is to be stopped.
    private func lookAt(_ pod: PodRecord) async {
        guard pod.phase == .ready else { return }
        do {
            let isWhole = try await BlockingPool.shared.run { [podFiles] in podFiles.isWhole(pod) }
            if isWhole { return followInit(of: pod) }
            logger(pod: pod).notice("the pod did not survive the node's restart")
            try await inventory.updatePod(pod.id, isFact: true) { $0.phase = .stopping }
        } catch {
            logger(pod: pod).error("looking what became of the pod failed", metadata: ["error": "\(error)"])
        }
    }
}
