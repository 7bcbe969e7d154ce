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
        if pod.ownsCgroup { try await BlockingPool.shared.run { [cgroups] in try cgroups.makeParent(pod.cgroupParent) } }
        return try await runtimes.runtime(of: pod).create(
            CreateRequest(
                id: container.id, name: container.config.metadata.name, bundle: bundle, logPath: container.logPath,
                terminal: container.config.tty, stdin: container.config.stdin, stdinOnce: container.config.stdinOnce,
                monitorCgroupProcsFiles: settings.monitorInPodCgroup ? cgroups.procsFiles(of: pod.cgroupParent) : [], restore: restore))
    }

    /// The container's process as the runtime's driver takes it.
    func process(of container: ContainerRecord) -> ContainerProcess {
        ContainerProcess(
            containerID: container.id, pid: container.pid, startTime: container.processStart,
            bundle: containerFiles.bundle(container.id), cgroupProcsFiles: cgroups.procsFiles(of: container.cgroupPath))
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

    /// What a container may still have that its record does not know of: the monitor of a create that was cut off.
    func endUnrecorded(_ container: ContainerRecord) async throws {
        let bundle = containerFiles.bundle(container.id)
        try await BlockingPool.shared.run {
            guard let text = try? Files.readText(MonitorFiles(bundle: bundle).monitorPidFile),
                let pid = Int32(text.filter { !$0.isWhitespace }),
                let command = try? Files.readText("/proc/\(pid)/cmdline"), command.contains(container.id)
            else { return }
            _ = kill(pid, SIGKILL)
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

    /// Changes a container's limits. CRI, UpdateContainerResources: what is zero stays as it is.
    public func updateContainerResources(_ id: String, _ resources: Runtime_V1_LinuxContainerResources) async throws {
        let container = try inventory.container(id)
        guard container.mayRun else {
            throw NodeError.failedPrecondition(
                "container \(container.key) is \(container.phase.rawValue): its limits mean nothing any more")
        }
        do {
            let merged = container.resources.updated(by: resources)
            let limits = try ResourcesBuilder(host: settings.host, settings: settings.specification).limits(merged)
            let json = [UInt8](try JSONEncoder().encode(limits))
            try await runtimes.runtime(of: pod(of: container)).update(container.id, resources: json)
            try await inventory.updateContainer(container.id) { $0.resources = merged }
        } catch {
            throw nodeError(error, "updating the resources of container \(container.key)")
        }
    }

    /// The stop signal in force, as the CRI names it.
    public func stopSignalMessage(of container: ContainerRecord) -> Runtime_V1_Signal { StopSignal.message(number: container.stopSignal) }
}

extension Runtime_V1_LinuxContainerResources {
    /// These limits with those of `new` that are set.
    func updated(by new: Self) -> Self {
        var result = self
        if new.cpuPeriod != 0 { result.cpuPeriod = new.cpuPeriod }
        if new.cpuQuota != 0 { result.cpuQuota = new.cpuQuota }
        if new.cpuShares != 0 { result.cpuShares = new.cpuShares }
        if new.memoryLimitInBytes != 0 { result.memoryLimitInBytes = new.memoryLimitInBytes }
        if new.memorySwapLimitInBytes != 0 { result.memorySwapLimitInBytes = new.memorySwapLimitInBytes }
        if new.oomScoreAdj != 0 { result.oomScoreAdj = new.oomScoreAdj }
        if !new.cpusetCpus.isEmpty { result.cpusetCpus = new.cpusetCpus }
        if !new.cpusetMems.isEmpty { result.cpusetMems = new.cpusetMems }
        if !new.hugepageLimits.isEmpty { result.hugepageLimits = new.hugepageLimits }
        result.unified.merge(new.unified) { $1 }
        return result
    }
}
