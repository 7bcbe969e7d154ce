import CLinux
import Glibc

/// A process in this one's own PID and mount namespaces. Containers' processes are not among them, whatever they call themselves.
///
/// By these a program is found that a daemon which was killed had started: it goes on without it.
public struct HostProcess: Sendable {
    public let pid: Int32
    /// The program's name as it was called, and its arguments.
    public let arguments: [String]
    /// `KEY=VALUE`, as at its start.
    public let environment: [String]
    /// The process group that it is in, by the number of its leader.
    public let group: Int32
    private let descriptor: OwnedDescriptor

    /// All of them but this one, and but zombies. Blocks.
    /// - Throws: `SystemError` where /proc cannot be read.
    public static func all() throws(SystemError) -> [HostProcess] {
        let own = getpid()
        let namespaces = Namespaces(of: own)
        return try Files.list("/proc").compactMap { Int32($0) }.compactMap { $0 == own ? nil : HostProcess($0, in: namespaces) }
    }

    private init?(_ pid: Int32, in namespaces: Namespaces) {
        let raw = clinux_pidfd_open(pid, 0)
        guard raw >= 0 else { return nil }
        // Owned before anything is read: from here on the number cannot go to another unseen.
        descriptor = OwnedDescriptor(raw)
        self.pid = pid
        guard let arguments = Self.words("/proc/\(pid)/cmdline"), !arguments.isEmpty, Namespaces(of: pid) == namespaces else { return nil }
        self.arguments = arguments
        group = getpgid(pid)
        environment = Self.words("/proc/\(pid)/environ") ?? []
    }

    private static func words(_ path: String) -> [String]? {
        (try? Files.readText(path))?.split(separator: "\0").map(String.init)
    }

    /// The value of a variable of its environment.
    public subscript(variable: String) -> String? {
        environment.first { $0.hasPrefix("\(variable)=") }.map { String($0.dropFirst(variable.utf8.count + 1)) }
    }

    /// Kills it. Does nothing once it has ended.
    /// - Throws: `SystemError`.
    public func kill() throws(SystemError) {
        if clinux_pidfd_send_signal(descriptor.raw, SIGKILL) != 0, errno != ESRCH { throw SystemError("pidfd_send_signal", "process \(pid)") }
    }

    /// Suspends until it has ended. One that has not by the deadline is killed.
    /// - Throws: `SystemError`, with ETIMEDOUT where it does not go when it is killed; `CancellationError`.
    public func end(by deadline: ContinuousClock.Instant) async throws {
        if try await hasEnded(by: deadline) { return }
        try kill()
        guard try await hasEnded(by: .now + .seconds(10)) else { throw SystemError("wait", code: ETIMEDOUT, "process \(pid), killed") }
    }

    private func hasEnded(by deadline: ContinuousClock.Instant) async throws -> Bool {
        do {
            try await withTimeout(ContinuousClock.now.duration(to: deadline)) { [descriptor] in try await Poller.shared.readable(descriptor.raw) }
            return true
        } catch is OutOfTime { return false }
    }

    /// By what the kernel tells namespaces apart.
    private struct Namespaces: Equatable {
        private var ids: [UInt64] = []

        init(of pid: Int32) {
            for kind in ["pid", "mnt"] {
                var status = stat()
                ids += stat("/proc/\(pid)/ns/\(kind)", &status) == 0 ? [UInt64(status.st_dev), UInt64(status.st_ino)] : []
            }
        }
    }
}
