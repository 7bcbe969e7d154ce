import CLinux
import Glibc
import Linux

/// A command under way in a container, with our ends of its streams. All descriptors are non-blocking.
public final class ExecSession: Sendable {
    /// Where the command's input goes; nil where it has none.
    public let stdin: OwnedDescriptor?
    /// The command's output; with a terminal, of both streams.
    public let stdout: OwnedDescriptor
    /// Nil with a terminal.
    public let stderr: OwnedDescriptor?
    /// The terminal's master side, which is also `stdin` and `stdout`, by descriptors of their own.
    private let terminal: OwnedDescriptor?
    private let runtime: ChildProcess
    private let files: ExecFiles

    init(
        stdin: OwnedDescriptor?, stdout: OwnedDescriptor, stderr: OwnedDescriptor?, terminal: OwnedDescriptor?,
        runtime: ChildProcess, files: ExecFiles
    ) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal
        self.runtime = runtime
        self.files = files
    }

    deinit { files.remove() }

    /// Suspends until the command has ended; its exit code, 128 and the number for a signal.
    public func wait() async throws -> Int32 { try await runtime.wait().code }

    /// Gives the terminal another size. The runtime copies it when told, its own terminal being no controlling one.
    public func resize(rows: UInt16, columns: UInt16) {
        guard let terminal else { return }
        _ = clinux_set_window_size(terminal.raw, rows, columns)
        try? runtime.signal(SIGWINCH)
    }

    /// Ends the command and all that came of it, also for a task that is cancelled.
    public func terminate() async {
        await Task.detached { [self] in await terminateNow() }.value
    }

    private func terminateNow() async {
        // Until the runtime has written the number there is nothing in the container to end.
        for _ in 0..<50 where files.pid == nil {
            if (try? await withTimeout(.milliseconds(20), { [runtime] in try await runtime.wait() })) != nil { return }
        }
        let pid = files.pid
        try? await BlockingPool.shared.run { if let pid { ProcessTree.kill(pid) } }
        // The runtime reaps the command and leaves; killed itself, it would leave a zombie in the container.
        if (try? await withTimeout(.seconds(2), { [runtime] in try await runtime.wait() })) != nil { return }
        await runtime.kill()
    }
}
