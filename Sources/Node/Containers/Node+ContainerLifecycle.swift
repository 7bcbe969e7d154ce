import CRI
import Foundation
import Glibc
import Linux
import OCIRuntime

extension Node {
    /// Lets a created container's process go. CRI, StartContainer.
    ///
    /// A request that comes again joins the start under way, or finds the container running: clients whose connection broke send again
    /// what was in flight, and the kubelet takes an error for a container that never ran. One that has ended does not start again.
    /// - Throws: `NodeError`.
    public func startContainer(_ id: String) async throws {
        let (id, podID) = try ids(ofContainer: id)
        try await recovered(podID)
        try await startsUnderWay.result(for: id) { [self] in
            try await locks.withLock(id) { [self] in
                let container = try inventory.container(id)
                if container.phase == .running { return }
                guard container.phase == .created else {
                    throw NodeError.failedPrecondition(
                        "container \(container.key) is \(container.phase.rawValue); only a created one can be started")
                }
                let now = Node.now()
                try await inventory.updateContainer(id) {
                    $0.phase = .starting
                    $0.startedAt = now
                }
                do {
                    if container.restore == nil {
                        let runtime = try runtimes.runtime(of: pod(of: container))
                        try await turns.run { try await runtime.start(id) }
                    } else {
                        try await restoreProcess(of: container)
                    }
                } catch {
                    // Written first: the process's own end says less.
                    let written = await Task { try await ended(id, code: 128, message: "\(error)") }.result
                    await endFailedStart(container)
                    try written.get()
                    throw nodeError(error, "starting container \(container.key)")
                }
                try await inventory.updateContainer(id, isFact: true) { if $0.exit == nil { $0.phase = .running } }
                logger(container: container).info("container started")
            }
        }
    }

    /// A runtime whose time was up, or that failed late, may have let the process go.
    private func endFailedStart(_ container: ContainerRecord) async {
        do { try await runtimes.runtime(of: pod(of: container)).killAll(process(of: container)) } catch {
            logger(container: container).error("ending a container whose start failed", metadata: ["error": "\(error)"])
        }
    }

    /// Asks a container to end, and after `grace` ends it. CRI, StopContainer: idempotent, and a container that is not
    /// there is stopped.
    /// - Throws: `NodeError`.
    public func stopContainer(_ id: String, grace: Duration) async throws {
        guard let (id, podID) = try known({ try ids(ofContainer: id) }) else { return }
        try await recovered(podID)
        try await detached { [self] in try await stop(id, grace: grace) }
    }

    /// Stops a container, also one whose pod is being made whole.
    func stop(_ id: String, grace: Duration) async throws {
        guard let container = try known({ try inventory.container(id) }), container.exit == nil, container.mayRun else { return }
        do {
            try await end(container, grace: grace)
        } catch {
            throw nodeError(error, "stopping container \(container.key)")
        }
        logger(container: container).info("container stopped")
    }

    /// Not under the container's lock: a second Stop with a shorter grace shortens the first.
    private func end(_ container: ContainerRecord, grace: Duration) async throws {
        if container.awaitsRestore, try await endBeforeRestore(container.id) { return }
        // A paused container would not see a signal before it goes on.
        await checkpointsUnderWay.giveUp(container.id)
        let runtime = try runtimes.runtime(of: pod(of: container))
        if grace > .zero, container.phase != .created {
            try runtime.kill(process(of: container), signal: container.stopSignal)
            if await inventory.exit(of: container.id, within: grace) { return }
        }
        for _ in 0..<3 {
            try await runtime.killAll(process(of: container))
            if await inventory.exit(of: container.id, within: .seconds(10)) { return }
            // The monitor may have died; then nobody writes the exit.
            if try await observe(container) { return }
        }
        throw NodeError.failed(
            "the process \(container.pid ?? 0) does not end on SIGKILL: it hangs in the kernel (see /proc/\(container.pid ?? 0)/stack)")
    }

    /// Ends a container that was to be restored and has no process; false where its start was quicker.
    private func endBeforeRestore(_ id: String) async throws -> Bool {
        try await locks.withLock(id) { [self] in
            guard let container = try? inventory.container(id) else { return true }
            guard container.awaitsRestore else { return container.exit != nil }
            try await ended(id, code: 137, message: "it was stopped before it was restored")
            return true
        }
    }

    /// Ends a container if need be and forgets it. CRI, RemoveContainer: idempotent.
    /// - Throws: `NodeError`.
    public func removeContainer(_ id: String) async throws {
        guard let (id, podID) = try known({ try ids(ofContainer: id) }) else { return }
        try await recovered(podID)
        try await detached { [self] in
            try await stop(id, grace: .zero)
            try await locks.withLock(id) { [self] in
                guard let container = try? inventory.container(id) else { return }
                try await inventory.updateContainer(id) { $0.phase = .removing }
                do {
                    try await release(container)
                } catch {
                    throw nodeError(error, "removing container \(container.key)")
                }
                timelines.forget(id)
                samples.forget(id)
                try await inventory.removeContainer(id)
                logger(container: container).info("container removed")
            }
        }
    }

    /// Gives back all that a container holds. Idempotent; goes by the container's id alone.
    func release(_ container: ContainerRecord) async throws {
        try await cleanups.result(for: container.id) { [self] in try await releaseProcess(container) }
        try await unmountVolumes(of: container)
        try await forgetCheckpoint(container.id)
        try await rootFileSystems.remove(container.id)
        let exit = "\(settings.exitDirectory)/\(container.id)"
        try await BlockingPool.shared.run { [containerFiles] in
            try containerFiles.remove(container.id)
            try Files.removeTree(exit)
        }
    }

    /// Lets the runtime forget a container: its state directory and its cgroup.
    func releaseProcess(_ container: ContainerRecord) async throws {
        let pod = try pod(of: container)
        let runtime = try runtimes.runtime(of: pod)
        try await runtime.delete(container.id)
        cgroups.outOfMemory.forget(container.id)
        try await cgroups.removeMonitor(of: container.id, parent: monitorParent(of: pod, runtime))
    }

    /// Writes a container's end. The first to tell wins: the monitor's exit file, or what recovery finds.
    func ended(_ id: String, code: Int32, at time: Int64 = Node.now(), outOfMemory: Bool = false, message: String = "") async throws {
        try await inventory.updateContainer(id, isFact: true) {
            guard $0.exit == nil else { return }
            $0.exit = ContainerExit(code: code, finishedAt: max(time, $0.startedAt), outOfMemory: outOfMemory, message: message)
            if $0.phase != .removing && $0.phase != .creating { $0.phase = .exited }
        }
    }

    /// The container, if its process runs.
    /// - Throws: `NodeError.failedPrecondition` otherwise.
    public func runningContainer(_ id: String) throws -> ContainerRecord {
        let container = try inventory.container(id)
        guard container.phase == .running else {
            throw NodeError.failedPrecondition("container \(container.key) is \(container.phase.rawValue), not running")
        }
        return container
    }

    private func ids(ofContainer id: String) throws(NodeError) -> (String, podID: String) {
        let container = try inventory.container(id)
        return (container.id, container.podID)
    }

    func pod(of container: ContainerRecord) throws -> PodRecord { try inventory.pod(container.podID) }
}
