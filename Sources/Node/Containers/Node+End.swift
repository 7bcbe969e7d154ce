import Linux
import OCIRuntime

// How the end of a container becomes known: by its monitor's exit file, else by the process itself.
extension Node {
    /// Follows a container's process and then its monitor. A monitor that is gone by the process's end writes nothing.
    func follow(_ container: ContainerRecord) {
        guard container.exit == nil else { return }
        let process = process(of: container)
        Task { [weak self] in
            do {
                try await process.end()
                guard let self, let known = try? inventory.container(container.id), known.exit == nil else { return }
                _ = try await observe(known)
            } catch {
                self?.logger(container: container).error("following the container's process failed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Writes a container's end, and has what it held of the runtime given back. The first to tell of it wins.
    func noteEnd(of container: ContainerRecord, code: Int32, at time: Int64 = Node.now(), message: String = "") async {
        guard container.exit == nil else { return }
        do {
            let outOfMemory = try await ranOutOfMemory(container, code: code)
            try await ended(container.id, code: code, at: time, outOfMemory: outOfMemory, message: message)
            logger(container: container).info("container ended", metadata: ["code": "\(code)", "oom": "\(outOfMemory)"])
            // The runtime's state and the cgroup are of no use any more; by the time of Remove they are gone.
            cleanUpLater(container)
        } catch {
            logger(container: container).error("writing the container's end failed", metadata: ["error": "\(error)"])
        }
    }

    /// The kernel's count decides, whoever of the container was killed; conmon's note is another source of it.
    private func ranOutOfMemory(_ container: ContainerRecord, code: Int32) async throws -> Bool {
        if process(of: container).isOfAnEarlierBoot { return false }
        let note = "\(containerFiles.bundle(container.id))/oom"
        return try await BlockingPool.shared.run { [cgroups] in cgroups.ranOutOfMemory(container, code: code) || Files.exists(note) }
    }

    /// Follows the init of a pod that has one: without it no container of the pod can be made or go on.
    func followInit(of pod: PodRecord) {
        guard pod.namespaces.initPID != nil else { return }
        let directory = podFiles.namespaces(pod.id)
        Task { [weak self] in
            do {
                try await NamespacePinner.endOfInit(directory: directory)
                guard let self else { return }
                try await locks.withLock(pod.id) { [self] in
                    guard let known = try? inventory.pod(pod.id), known.phase == .ready else { return }
                    logger(pod: pod).notice("the pod's init has ended, and with it the pod")
                    try await stopLocked(pod.id)
                }
            } catch { self?.logger(pod: pod).error("following the pod's init failed", metadata: ["error": "\(error)"]) }
        }
    }
}

extension Observation.Loss {
    /// What a container's status says of it.
    var message: String {
        switch self {
        case .withoutMonitor: "the container's monitor (conmon) ended before it, killed mostly: its exit code is not known"
        case .reboot: "the container ran when the node went down: its exit code is not known"
        }
    }
}
