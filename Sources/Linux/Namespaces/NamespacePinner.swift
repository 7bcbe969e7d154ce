import CLinux
import Glibc

/// Makes and removes pinned namespaces, by the program swiftlet-pin.
public struct NamespacePinner: Sendable {
    private let executable: String

    /// - Parameter executable: swiftlet-pin's file.
    public init(executable: String) { self.executable = executable }

    /// Makes the namespaces and pins them.
    /// - Throws: `PinError` with the step that failed, `SystemError`, `CommandTimeout`; nothing is left then.
    public func pin(_ request: NamespaceRequest) async throws -> PinnedNamespaces {
        let output: CommandOutput
        do {
            output = try await Command(executable, request.arguments).run(timeout: .seconds(30))
        } catch {
            // Killed, it could not undo its pins. This task may be a cancelled one: another does it.
            try? await Task.detached { try await unpin(directory: request.directory) }.value
            throw error
        }
        guard output.status.isSuccess else { throw PinError(output, executable: executable) }
        let printed = Int32(String(decoding: output.output.filter { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
        return PinnedNamespaces(request, initPID: printed.flatMap { $0 > 0 ? $0 : nil })
    }

    /// Suspends until the init of a pod has ended; at once where it is not there.
    /// - Throws: `SystemError`; `CancellationError`.
    public static func endOfInit(directory: String) async throws {
        let (file, namespace) = ("\(directory)/init.pid", NamespaceKind.pid.pin(in: directory))
        guard let process = try await BlockingPool.shared.run({ PodInit(file: file, namespace: namespace) }) else { return }
        try await Poller.shared.readable(process.pidfd.raw)
    }

    /// Whether the init of a pod runs. Blocks.
    public static func hasInit(directory: String) -> Bool {
        PodInit(file: "\(directory)/init.pid", namespace: NamespaceKind.pid.pin(in: directory)) != nil
    }

    /// Ends the init, with it all processes of the PID namespace, and takes the pins away. Idempotent; a directory that is
    /// not there has none.
    /// - Throws: `SystemError`; what is left is taken away by another call.
    public func unpin(directory: String) async throws {
        let initFile = "\(directory)/init.pid"
        if let process = try await BlockingPool.shared.run({ PodInit(file: initFile, namespace: NamespaceKind.pid.pin(in: directory)) }) {
            try await process.end()
        }
        try await BlockingPool.shared.run {
            for path in NamespaceKind.allCases.map({ $0.pin(in: directory) }) + [initFile] {
                try Mounts.unmount(path)
                try Files.removeTree(path)
            }
        }
    }
}

/// A pod's init that runs.
private struct PodInit: Sendable {
    private let pid: Int32
    let pidfd: OwnedDescriptor

    /// Finds the process whose number `file` holds. Nil where it has ended, the number maybe another's by now: ours is in
    /// the PID namespace that is pinned at `namespace`.
    init?(file: String, namespace: String) {
        guard let text = try? Files.readText(file), let number = Int32(text.filter { !$0.isNewline }), number > 1 else { return nil }
        pid = number
        pidfd = OwnedDescriptor(clinux_pidfd_open(number, 0))
        // Asked once the number can no longer go to another unseen.
        guard pidfd.raw >= 0, let pinned = NamespaceFile(.pid, path: namespace).identity,
            NamespaceFile.of(process: number, .pid).identity == pinned
        else { return nil }
    }

    /// Kills it and waits until it and the processes of its namespace are gone, so that their cgroups can be removed.
    /// - Throws: `SystemError` with ETIMEDOUT where one of them does not go.
    func end() async throws {
        if clinux_pidfd_send_signal(pidfd.raw, SIGKILL) != 0, errno != ESRCH { throw SystemError("pidfd_send_signal", "process \(pid)") }
        do {
            try await withTimeout(.seconds(10)) { [pidfd] in try await Poller.shared.readable(pidfd.raw) }
        } catch is OutOfTime { throw SystemError("wait", code: ETIMEDOUT, "init process \(pid) of a pod, killed") }
        // Its parent has ended long ago; if it came to this process, it is reaped here.
        var code: CInt = 0
        var status: CInt = 0
        _ = clinux_waitid_pidfd(pidfd.raw, &code, &status)
    }
}
