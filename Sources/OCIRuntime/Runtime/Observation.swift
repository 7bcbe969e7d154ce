import Glibc
import Linux

/// What became of a container's process, as far as the node can tell.
public enum Observation: Sendable, Equatable {
    /// It lives; `started` tells whether it is past the runtime's start.
    case running(started: Bool)
    /// It ended, and its monitor is about to write how.
    case ending
    /// It ended with this code at this time, nanoseconds since the epoch.
    case exited(code: Int32, time: Int64)
    /// It is gone, and nobody wrote how: neither it nor its monitor is there.
    case lost(Loss)

    /// Why nobody knows how a container ended.
    public enum Loss: Sendable, Equatable {
        /// Its monitor ended before it, killed mostly.
        case withoutMonitor
        /// The host was started anew.
        case reboot
    }

    /// The facts, and what follows from them: an exit that was written beats all else, since numbers of processes come again.
    static func decide(
        exitFile: (text: String, time: Int64)?, process: (alive: Bool, started: Bool), monitorAlive: Bool, rebooted: Bool
    ) -> Observation {
        if let exitFile, let code = Int32(exitFile.text.filter { !$0.isWhitespace }) {
            // conmon writes -1 where it could not learn the code.
            return .exited(code: code < 0 ? 255 : code, time: exitFile.time)
        }
        if process.alive { return .running(started: process.started) }
        return monitorAlive ? .ending : .lost(rebooted ? .reboot : .withoutMonitor)
    }
}

extension OCIRuntime {
    /// Looks what became of a container's process: by its exit file, else by the process itself.
    public func observe(_ process: ContainerProcess) async throws -> Observation {
        let exitPath = "\(handler.exitDirectory)/\(process.containerID)"
        let root = handler.root
        return try await BlockingPool.shared.run {
            let pid = process.pid ?? (try? Files.readText(MonitorFiles(bundle: process.bundle).pidFile)).flatMap { Int32($0) }
            var known = process
            known.pid = pid
            // In the order in which they end: a monitor that has gone has written what it had to write.
            let alive = known.isAlive
            let monitor = known.openMonitor() != nil
            return Observation.decide(
                exitFile: ExitFile.read(exitPath),
                // runc and crun wait on this FIFO until start.
                process: (alive, alive && !Files.exists("\(root)/\(process.containerID)/exec.fifo")), monitorAlive: monitor,
                rebooted: known.isOfAnEarlierBoot)
        }
    }
}
