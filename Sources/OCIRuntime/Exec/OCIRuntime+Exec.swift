import Glibc
import Linux

/// What a command gave that ran to its end.
public struct ExecResult: Sendable {
    public let stdout: [UInt8]
    public let stderr: [UInt8]
    public let exitCode: Int32
}

extension OCIRuntime {
    /// Starts a command in a container. The daemon runs the runtime's exec itself; no monitor is needed, since nobody
    /// asks for its end after the daemon's.
    /// - Throws: `SystemError`; what the runtime refuses shows as its exit code and standard error.
    public func startExec(_ request: ExecRequest, stdin: Bool) async throws -> ExecSession {
        let files = ExecFiles(bundle: request.bundle)
        try await BlockingPool.shared.run { try files.write(request) }
        do {
            return request.terminal
                ? try await startInTerminal(request, files) : try await startWithPipes(request, files, stdin: stdin)
        } catch {
            files.remove()
            throw error
        }
    }

    private func execCommand(_ request: ExecRequest, _ files: ExecFiles, _ options: [String]) -> Command {
        var command = command(["exec"] + options + ["--process", files.specification, "--pid-file", files.pidFile, request.containerID])
        command.newSession = true
        return command
    }

    /// The same as a child of the helper, which ends when the command does, whoever still holds its streams.
    private func helped(_ command: Command, _ files: ExecFiles) throws -> Command {
        var result = command
        result.executable = handler.helperPath
        result.arguments = ["--exec", files.pidFile, try Command.find(command.executable)] + command.arguments
        return result
    }

    /// Gives a command's pipes to the root of its container: from inside of a user namespace the runtime can hand on to the command's
    /// user, so that /dev/stdout can be opened, only what that root owns. What is not found out is left as it is.
    private static func give(_ ends: [OwnedDescriptor], toRootIn bundle: String) {
        guard let text = try? Files.readText("\(bundle)/pidfile"), let pid = Int32(text.filter { !$0.isWhitespace }),
            let uid = hostRoot("/proc/\(pid)/uid_map"), let gid = hostRoot("/proc/\(pid)/gid_map")
        else { return }
        for end in ends { fchown(end.raw, uid, gid) }
    }

    /// The host's number of the namespace's 0: user_namespaces(7), "/proc/pid/uid_map".
    private static func hostRoot(_ map: String) -> UInt32? {
        let lines = ((try? Files.readText(map)) ?? "").split(separator: "\n").map { $0.split(separator: " ") }
        return lines.first { $0.count == 3 && $0[0] == "0" }.flatMap { UInt32($0[1]) }
    }

    private func startWithPipes(_ request: ExecRequest, _ files: ExecFiles, stdin: Bool) async throws -> ExecSession {
        let output = try makePipe()
        let error = try makePipe()
        let input = stdin ? try makePipe() : nil
        try await BlockingPool.shared.run { [bundle = request.bundle] in
            Self.give([output.write, error.write] + (input.map { [$0.read] } ?? []), toRootIn: bundle)
        }
        var command = try helped(execCommand(request, files, ["--detach"]), files)
        command.descriptors = [1: output.write.raw, 2: error.write.raw]
        if let input { command.descriptors[0] = input.read.raw }
        let child = try await command.spawn()
        // Our copies must go now, else the readers never see the end.
        output.write.close()
        error.write.close()
        input?.read.close()
        try output.read.setNonBlocking()
        try error.read.setNonBlocking()
        try input?.write.setNonBlocking()
        return ExecSession(
            stdin: input?.write, stdout: output.read, stderr: error.read, terminal: nil, runtime: child, files: files)
    }

    private func startInTerminal(_ request: ExecRequest, _ files: ExecFiles) async throws -> ExecSession {
        let terminal = try Terminal()
        try terminal.master.setNonBlocking()
        var command = execCommand(request, files, ["--tty"])
        command.descriptors = [0: terminal.slave.raw, 1: terminal.slave.raw, 2: terminal.slave.raw]
        let child = try await command.spawn()
        terminal.slave.close()
        return ExecSession(
            stdin: try terminal.master.duplicate(), stdout: try terminal.master.duplicate(), stderr: nil,
            terminal: terminal.master, runtime: child, files: files)
    }

    /// Runs a command to its end with its output captured. CRI, ExecSync. The command's own end is what counts: processes that it
    /// leaves in the background live on, and what they say later is not the command's.
    ///
    /// - Parameters:
    ///   - limit: bytes kept of each stream; the rest is read and dropped.
    ///   - timeout: after it the command and all that came of it are killed.
    /// - Throws: `RuntimeError.execTimedOut`; `CancellationError` (the command is killed); `SystemError`.
    public func execSync(_ request: ExecRequest, timeout: Duration?, limit: Int = 16 << 20) async throws -> ExecResult {
        let session = try await startExec(request, stdin: false)
        do {
            let work: @Sendable () async throws -> ExecResult = { try await Self.collect(session, limit: limit) }
            guard let timeout else { return try await work() }
            return try await withTimeout(timeout, work)
        } catch {
            await session.terminate()
            if error is OutOfTime, let timeout {
                throw RuntimeError.execTimedOut(command: request.command.joined(separator: " "), limit: timeout)
            }
            throw error
        }
    }

    private static func collect(_ session: ExecSession, limit: Int) async throws -> ExecResult {
        let output = OutputCollector(session.stdout, limit: limit)
        let error = session.stderr.map { OutputCollector($0, limit: limit) }
        await output.start()
        await error?.start()
        do {
            let code = try await session.wait()
            return ExecResult(stdout: await output.finish(), stderr: await error?.finish() ?? [], exitCode: code)
        } catch let failure {
            _ = await output.finish()
            _ = await error?.finish()
            throw failure
        }
    }
}
