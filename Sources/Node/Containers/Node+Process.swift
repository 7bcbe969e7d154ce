import CRI
import Foundation
import Glibc
import Linux
import OCIRuntime

extension Node {
    /// Has the runtime make the container of its bundle: new, or of a checkpoint.
    func createProcess(
        of container: ContainerRecord, in pod: PodRecord, bundle: String, restoring restore: RestoreRequest? = nil
    ) async throws -> ContainerProcess {
        if pod.ownsCgroup { try await cgroups.makeParent(pod.cgroupParent) }
        let runtime = try runtimes.runtime(of: pod)
        let (id, parent, stop) = (container.id, monitorParent(of: pod, runtime), ScopeTimes.stop(annotations: container.config.annotations))
        let request = CreateRequest(
            id: container.id, name: container.config.metadata.name, bundle: bundle, logPath: container.logPath,
            terminal: container.config.tty, stdin: container.config.stdin, stdinOnce: container.config.stdinOnce, restore: restore
        ) { [cgroups] in try await cgroups.placeMonitor($0, of: id, parent: parent, stop: stop) }
        let created: ContainerProcess
        do { created = try await runtime.create(request) } catch {
            // A runtime that was killed half way has left its process where it had put it.
            try await detached { [self] in
                try await runtime.killAll(process(of: container))
                try await cgroups.removeContainer(container)
            }
            throw error
        }
        var known = container
        known.pid = created.pid
        cgroups.watch(known)
        return created
    }

    /// The parent of the cgroup of a container's monitor.
    func monitorParent(of pod: PodRecord, _ runtime: OCIRuntime) -> String {
        // A pod that was made when cgroups were made by hand has no slice.
        guard cgroups.names(of: pod.cgroupParent).driver == .systemd else { return pod.cgroupParent }
        return (runtime.handler.monitorCgroup ?? settings.monitorCgroup).parent(ofPod: pod.cgroupParent)
    }

    /// The container's process as the runtime's driver takes it.
    func process(of container: ContainerRecord) -> ContainerProcess {
        ContainerProcess(
            containerID: container.id, pid: container.pid, startTime: container.processStart,
            boot: container.boot, bundle: containerFiles.bundle(container.id), cgroupDirectories: cgroups.directories(of: container.cgroupPath))
    }

    /// Has the runtime forget a container that ended, without anyone waiting for it.
    func cleanUpLater(_ container: ContainerRecord) {
        Task { [self] in
            // Under the container's lock: one that ends at once is still being started when its end is seen.
            try? await locks.withLock(container.id) { [self] in
                try await cleanups.result(for: container.id) { [self] in try await releaseProcess(container) }
            }
        }
    }

    /// Runs a command in a container to its end. CRI, ExecSync.
    /// - Throws: `NodeError`; `.deadlineExceeded` where the command takes longer than it may.
    public func execSync(
        _ id: String, _ command: [String], timeout: Duration?
    ) async throws -> (stdout: Data, stderr: Data, exitCode: Int32) {
        guard !command.isEmpty else { throw NodeError.invalidArgument("the exec request has no command") }
        let container = try runningContainer(id)
        do {
            let result = try await runtimes.runtime(of: pod(of: container)).execSync(
                ExecRequest(containerID: container.id, bundle: containerFiles.bundle(container.id), command: command), timeout: timeout)
            return (Data(result.stdout), Data(result.stderr), result.exitCode)
        } catch let error as CancellationError {
            throw error
        } catch let error as RuntimeError {
            if case .execTimedOut = error { throw NodeError.deadlineExceeded("in container \(container.key): \(error)") }
            throw nodeError(error, "exec in container \(container.key)")
        } catch {
            throw nodeError(error, "exec in container \(container.key)")
        }
    }

    /// Starts a command in a container, its streams open. Whoever calls waits for it or ends it.
    public func startExec(_ id: String, _ command: [String], terminal: Bool, stdin: Bool) async throws -> ExecSession {
        let container = try runningContainer(id)
        return try await runtimes.runtime(of: pod(of: container)).startExec(
            ExecRequest(containerID: container.id, bundle: containerFiles.bundle(container.id), command: command, terminal: terminal),
            stdin: stdin)
    }

    /// Connects to a container's own streams.
    public func attach(_ id: String) async throws -> AttachSession {
        let container = try runningContainer(id)
        return try await runtimes.runtime(of: pod(of: container)).attach(bundle: containerFiles.bundle(container.id))
    }

    /// Connects to a port on the loopback of a pod.
    /// - Returns: a connected, non-blocking socket.
    public func connect(toPod id: String, port: UInt16) async throws -> OwnedDescriptor {
        let pod = try inventory.pod(id)
        // A pod that has ended has no namespace any more: without this it would be the host that answers.
        guard pod.phase == .ready else { throw NodeError.failedPrecondition("pod \(pod.key) is \(pod.phase.rawValue)") }
        return try await NetworkNamespace.connect(pod.namespaces.net, port: port)
    }

    /// Has a container's log opened anew after it was moved away. CRI, ReopenContainerLog.
    public func reopenLog(_ id: String) async throws {
        let container = try runningContainer(id)
        do {
            try await runtimes.runtime(of: pod(of: container)).reopenLog(
                container.id, bundle: containerFiles.bundle(container.id), logPath: container.logPath)
        } catch {
            throw nodeError(error, "reopening the log of container \(container.key)")
        }
    }

    /// The stop signal in force, as the CRI names it.
    public func stopSignalMessage(of container: ContainerRecord) -> Runtime_V1_Signal { StopSignal.message(number: container.stopSignal) }
}
