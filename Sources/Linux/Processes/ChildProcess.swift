import CLinux
import Glibc
import Synchronization

/// How a process ended.
public enum ExitStatus: Sendable, Equatable {
    /// It left with this code.
    case exited(Int32)
    /// This signal ended it.
    case signaled(Int32)

    /// The code as a shell gives it: 128 and the number for a signal.
    public var code: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }

    public var isSuccess: Bool { self == .exited(0) }
}

/// A child of the daemon. Someone must `wait` for it, else it stays as a zombie.
public final class ChildProcess: Sendable {
    public let pid: Int32
    private let pidfd: OwnedDescriptor
    private let leadsGroup: Bool
    private let status = Mutex<ExitStatus?>(nil)

    init(pid: pid_t, leadsGroup: Bool) throws(SystemError) {
        self.pid = pid
        self.leadsGroup = leadsGroup
        pidfd = OwnedDescriptor(try check("pidfd_open", "process \(pid)") { clinux_pidfd_open(pid, 0) })
    }

    /// Suspends until the process has ended, and reaps it. May be called by several tasks and again.
    /// - Throws: `SystemError`; `CancellationError`, which leaves the process running.
    public func wait() async throws -> ExitStatus {
        while true {
            if let ended = try reap() { return ended }
            try await Poller.shared.readable(pidfd.raw)
        }
    }

    private func reap() throws(SystemError) -> ExitStatus? {
        try status.withLock { status throws(SystemError) -> ExitStatus? in
            if status != nil { return status }
            var code: CInt = 0
            var value: CInt = 0
            guard clinux_waitid_pidfd(pidfd.raw, &code, &value) == 0 else {
                let error = errno
                if error == EAGAIN || error == EINTR { return nil }
                throw SystemError("waitid", code: error, "process \(pid)")
            }
            status = code == CInt(CLD_EXITED) ? .exited(value) : .signaled(value)
            return status
        }
    }

    /// Sends a signal. Does nothing once the process has ended.
    /// - Throws: `SystemError`.
    public func signal(_ signal: Int32) throws(SystemError) {
        if clinux_pidfd_send_signal(pidfd.raw, signal) != 0, errno != ESRCH {
            throw SystemError("pidfd_send_signal", "process \(pid)")
        }
    }

    /// Kills it, with its process group where it leads one, and reaps it: also for a task that is cancelled. One that hangs in the kernel is
    /// waited for a while, and reaped when it comes out.
    public func kill() async {
        signalGroup(SIGKILL)
        await Task.detached { [self] in
            if (try? await withTimeout(.seconds(10), { [self] in try await wait() })) == nil { Task { try? await wait() } }
        }.value
    }

    /// Sends a signal to the whole process group, if the process was started as the leader of one; else to it alone.
    public func signalGroup(_ signal: Int32) {
        // While the leader is not reaped its number cannot be another's.
        status.withLock { status in
            guard status == nil else { return }
            if leadsGroup { _ = Glibc.kill(-pid, signal) } else { _ = clinux_pidfd_send_signal(pidfd.raw, signal) }
        }
    }
}
