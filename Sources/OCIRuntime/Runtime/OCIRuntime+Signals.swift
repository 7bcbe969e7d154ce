import CLinux
import Cgroups
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
        let directories = process.cgroupDirectories
        try await BlockingPool.shared.run { CgroupProcesses.kill(below: directories) }
    }
}
