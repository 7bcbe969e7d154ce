import CLinux
import Linux

extension ContainerProcess {
    /// The container's monitor, if it is there: conmon, by the number that it wrote.
    func openMonitor() -> OwnedDescriptor? {
        guard !isOfAnEarlierBoot, let text = try? Files.readText(MonitorFiles(bundle: bundle).monitorPidFile),
            let pid = Int32(text.filter { !$0.isWhitespace }), pid > 1
        else { return nil }
        let raw = clinux_pidfd_open(pid, 0)
        guard raw >= 0 else { return nil }
        let descriptor = OwnedDescriptor(raw)
        // Asked once the number can no longer go to another unseen. A zombie has no command line.
        guard let command = try? Files.readText("/proc/\(pid)/cmdline"), command.contains(containerID) else { return nil }
        return descriptor
    }

    /// Suspends until the process and then its monitor have ended: the monitor has written by then what it had to write.
    /// - Throws: `SystemError` where they cannot be waited for; `CancellationError`.
    public func end() async throws {
        if let process = try await BlockingPool.shared.run({ openProcess() }) { try await Poller.shared.readable(process.raw) }
        if let monitor = try await BlockingPool.shared.run({ openMonitor() }) { try await Poller.shared.readable(monitor.raw) }
    }
}
