import Glibc
import Linux

/// What conmon needs to know to make a container of a bundle.
public struct CreateRequest: Sendable {
    public var id: String
    /// The container's name for conmon's own messages.
    public var name: String
    /// The directory with config.json.
    public var bundle: String
    /// The CRI log; empty for none.
    public var logPath: String
    public var terminal: Bool
    public var stdin: Bool
    /// Whether the container's standard input ends when the first client that attached leaves.
    public var stdinOnce: Bool
    /// Puts conmon, by its number, into a cgroup of its own before it makes anything.
    public var placeMonitor: @Sendable (Int32) async throws -> Void
    /// The checkpoint that the process comes from, which then runs at once; nil for a new one.
    public var restore: RestoreRequest?

    public init(
        id: String, name: String, bundle: String, logPath: String, terminal: Bool = false, stdin: Bool = false,
        stdinOnce: Bool = false, restore: RestoreRequest? = nil,
        placeMonitor: @escaping @Sendable (Int32) async throws -> Void = { _ in }
    ) {
        self.id = id
        self.name = name
        self.bundle = bundle
        self.logPath = logPath
        self.terminal = terminal
        self.stdin = stdin
        self.stdinOnce = stdinOnce
        self.placeMonitor = placeMonitor
        self.restore = restore
    }
}

extension CreateRequest {
    /// What the runtime is asked to do.
    fileprivate var operation: String { restore == nil ? "create" : "restore" }
}

/// A monitor that is to make a container, and our ends of its pipes.
private struct StartingMonitor: Sendable {
    let process: ChildProcess
    /// Its answer, a line.
    let sync: OwnedDescriptor
    let errors: OwnedDescriptor
    /// It begins when this is closed.
    let start: OwnedDescriptor
}

extension OCIRuntime {
    /// Has conmon make a container by the runtime's create, or its restore, and watch over it from then on. conmon leaves the daemon's
    /// family (it forks twice), so neither needs the other to live. What is not made within the handler's `createTimeout`, or not to its
    /// end, leaves no process.
    ///
    /// - Returns: the container's first process, which waits to be started; a restored one runs.
    /// - Throws: `RuntimeError` with the runtime's own message; `SystemError` where conmon cannot be run.
    public func create(_ request: CreateRequest) async throws -> ContainerProcess {
        let monitor = try await startMonitor(request)
        do {
            return try await withTimeout(handler.createTimeout) { [self] in
                // conmon waits for this pipe before it forks, so that its cgroup holds for all of its children.
                do { try await request.placeMonitor(monitor.process.pid) } catch {
                    throw RuntimeError.monitorFailed(container: request.id, message: "it cannot be put into its cgroup: \(error)")
                }
                monitor.start.close()
                async let said = monitor.errors.readAll(limit: 8192)
                let line = try await firstLine(monitor.sync)
                _ = try await monitor.process.wait()
                return try await result(request, line, said: (try? await said) ?? [])
            }
        } catch {
            if case RuntimeError.refused = error { throw error }
            // Before the pipe closes, which would let it go on.
            await end(monitor, of: request.id)
            guard let late = error as? OutOfTime else { throw error }
            throw RuntimeError.createTimedOut(operation: request.operation, container: request.id, limit: late.limit)
        }
    }

    private func startMonitor(_ request: CreateRequest) async throws -> StartingMonitor {
        let sync = try makePipe()
        let start = try makePipe()
        let errors = try makePipe()
        var command = Command(
            handler.monitorPath, arguments(of: request), environment: environment.merging(handler.monitorEnvironment) { $1 })
        command.environment["_OCI_SYNCPIPE"] = "3"
        command.environment["_OCI_STARTPIPE"] = "4"
        command.descriptors = [2: errors.write.raw, 3: sync.write.raw, 4: start.read.raw]
        command.newSession = true
        // conmon leaves a file named oom where it was started.
        command.workingDirectory = request.bundle
        let process = try await command.spawn()
        sync.write.close()
        start.read.close()
        errors.write.close()
        try sync.read.setNonBlocking()
        try errors.read.setNonBlocking()
        return StartingMonitor(process: process, sync: sync.read, errors: errors.read, start: start.write)
    }

    /// Ends a monitor, the runtime that it runs and all that came of them.
    private func end(_ monitor: StartingMonitor, of id: String) async {
        let programs: Set<String> = [handler.monitorPath, handler.path, handler.helperPath]
        // Not of this task, which may be cancelled.
        await Task.detached { [logger] in
            do {
                let found = try await BlockingPool.shared.run {
                    // A script's own name comes after its shell's.
                    let found = try HostProcess.all().filter {
                        $0.arguments.contains(id) && $0.arguments.prefix(2).contains(where: programs.contains)
                    }
                    for process in found { ProcessTree.kill(process.pid) }
                    return found
                }
                for process in found where process.pid != monitor.process.pid { try await process.end(by: .now + .seconds(10)) }
            } catch {
                logger.error("what was making a container cannot be ended", metadata: ["container": "\(id)", "error": "\(error)"])
            }
            await monitor.process.kill()
        }.value
    }

    private func arguments(of request: CreateRequest) -> [String] {
        let files = MonitorFiles(bundle: request.bundle)
        var list = [
            "--cid", request.id, "--cuuid", request.id, "--name", request.name, "--bundle", request.bundle,
            "--persist-dir", request.bundle, "--container-pidfile", files.pidFile,
            "--conmon-pidfile", files.monitorPidFile, "--exit-dir", handler.exitDirectory, "--full-attach", "--no-sync-log",
            "--log-path", request.logPath.isEmpty ? "none" : "k8s-file:\(request.logPath)", "--log-level", "error",
        ]
        // A restored container runs at once: what comes on its standard error is its own.
        let program = request.restore == nil ? [handler.helperPath, "--create", handler.path] : [handler.path]
        list += ["--runtime", program[0]]
        let options = (handler.usesSystemdCgroups ? ["--systemd-cgroup"] : []) + ["--root=\(handler.root)"]
        for argument in program.dropFirst() + options { list += ["--runtime-arg", argument] }
        if let size = handler.logSizeMax { list += ["--log-size-max", "\(size)"] }
        if handler.noPivot { list.append("--no-pivot") }
        if request.terminal { list.append("--terminal") }
        if request.stdin { list.append("--stdin") }
        if request.stdin && !request.stdinOnce { list.append("--leave-stdin-open") }
        if let restore = request.restore { list += restore.arguments }
        return list
    }

    /// conmon keeps the pipe for its life: the line's end is the message's.
    private func firstLine(_ pipe: OwnedDescriptor) async throws -> [UInt8] {
        var line: [UInt8] = []
        while !line.contains(UInt8(ascii: "\n")), line.count < 1 << 20 {
            let chunk = try await pipe.readChunk()
            if chunk.isEmpty { break }
            line += chunk
        }
        return line
    }

    private func result(_ request: CreateRequest, _ line: [UInt8], said: [UInt8]) async throws -> ContainerProcess {
        guard let message = SyncMessage(line: line.prefix { $0 != UInt8(ascii: "\n") }) else {
            let text = String(decoding: said, as: UTF8.self)
            throw RuntimeError.monitorFailed(container: request.id, message: RuntimeMessage.essence(text))
        }
        guard message.pid > 0 else {
            // conmon has CRIU's log written into the bundle.
            let reason = request.restore == nil ? nil : CRIULog.essence(file: "\(request.bundle)/restore.log")
            throw RuntimeError.refused(
                operation: request.operation, container: request.id,
                message: reason ?? RuntimeMessage.essence(message.message ?? ""))
        }
        return ContainerProcess(
            containerID: request.id, pid: message.pid, startTime: ProcessStatus.read(message.pid)?.startTime, bundle: request.bundle)
    }
}
