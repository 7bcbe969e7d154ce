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

extension OCIRuntime {
    /// Has conmon make a container by the runtime's create, or its restore, and watch over it from then on. conmon leaves the daemon's
    /// family (it forks twice), so neither needs the other to live.
    ///
    /// - Returns: the container's first process, which waits to be started; a restored one runs.
    /// - Throws: `RuntimeError` with the runtime's own message; `SystemError` where conmon cannot be run.
    public func create(_ request: CreateRequest) async throws -> ContainerProcess {
        let sync = try makePipe()
        let start = try makePipe()
        var command = Command(
            handler.monitorPath, arguments(of: request), environment: environment.merging(handler.monitorEnvironment) { $1 })
        command.environment["_OCI_SYNCPIPE"] = "3"
        command.environment["_OCI_STARTPIPE"] = "4"
        let errors = try makePipe()
        command.descriptors = [2: errors.write.raw, 3: sync.write.raw, 4: start.read.raw]
        command.newSession = true
        // conmon leaves a file named oom where it was started.
        command.workingDirectory = request.bundle
        let monitor = try await command.spawn()
        sync.write.close()
        start.read.close()
        errors.write.close()
        // conmon waits for this pipe before it forks, so that its cgroup holds for all of its children.
        do { try await request.placeMonitor(monitor.pid) } catch {
            // The end of the pipe alone would let it go on.
            try monitor.signal(SIGKILL)
            _ = try await monitor.wait()
            throw RuntimeError.monitorFailed(container: request.id, message: "it cannot be put into its cgroup: \(error)")
        }
        start.write.close()
        try sync.read.setNonBlocking()
        try errors.read.setNonBlocking()
        async let said = errors.read.readAll(limit: 8192)
        let line = try await firstLine(sync.read)
        _ = try await monitor.wait()
        return try await result(request, line, said: (try? await said) ?? [])
    }

    private func arguments(of request: CreateRequest) -> [String] {
        let files = MonitorFiles(bundle: request.bundle)
        var list = [
            "--cid", request.id, "--cuuid", request.id, "--name", request.name, "--runtime", handler.path,
            "--bundle", request.bundle, "--persist-dir", request.bundle, "--container-pidfile", files.pidFile,
            "--conmon-pidfile", files.monitorPidFile, "--exit-dir", handler.exitDirectory, "--full-attach", "--no-sync-log",
            "--log-path", request.logPath.isEmpty ? "none" : "k8s-file:\(request.logPath)", "--log-level", "error",
            "--runtime-arg", "--root=\(handler.root)",
        ]
        if handler.usesSystemdCgroups { list.append("--systemd-cgroup") }
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
                operation: request.restore == nil ? "create" : "restore", container: request.id,
                message: reason ?? RuntimeMessage.essence(message.message ?? ""))
        }
        return ContainerProcess(
            containerID: request.id, pid: message.pid, startTime: ProcessStatus.read(message.pid)?.startTime, bundle: request.bundle)
    }
}
