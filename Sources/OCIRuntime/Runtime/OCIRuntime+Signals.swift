import CLinux
import Glibc
import Linux

extension OCIRuntime {
    /// Sends a signal to a container's first process, by its descriptor: a program need not be run for that.
    /// Does nothing where the process has ended.
    public func kill(_ process: ContainerProcess, signal: Int32) throws {
        guard let descriptor = process.openProcess() else { return }
        if clinux_pidfd_send_signal(descriptor.raw, signal) != 0, errno != ESRCH {
            throw SystemError("pidfd_send_signal", "process \(process.pid ?? 0)")
        }
    }

    /// Ends every process of a container. In a PID namespace of its own the first one's death is enough; where the
    /// namespace is shared, the others are found by their cgroup.
    public func killAll(_ process: ContainerProcess) async throws {
        try kill(process, signal: SIGKILL)
        let files = process.cgroupProcsFiles
        try await BlockingPool.shared.run {
            for _ in 0..<10 {
                let pids = Set(files.flatMap { CgroupProcesses.read($0) })
                if pids.isEmpty { return }
                for pid in pids { _ = Glibc.kill(pid, SIGKILL) }
                usleep(2000)
            }
        }
    }
}

/// The file that lists a cgroup's processes.
enum CgroupProcesses {
    /// The processes' numbers; none where the cgroup is gone.
    static func read(_ path: String) -> [Int32] {
        ((try? Files.readText(path)) ?? "").split(separator: "\n").compactMap { Int32($0) }.filter { $0 > 1 }
    }
}
