import Glibc
import Linux

/// What became of a container's process, as far as the node can tell.
public enum Observation: Sendable, Equatable {
    /// It lives; `started` tells whether it is past the runtime's start.
    case running(started: Bool)
    /// It ended with this code at this time, nanoseconds since the epoch.
    case exited(code: Int32, time: Int64, outOfMemory: Bool)
    /// It is gone, and no monitor wrote how.
    case lost

    /// The facts, and what follows from them: an exit that was written beats all else, since numbers of processes come again.
    static func decide(exitFile: (text: String, time: Int64)?, outOfMemory: Bool, alive: Bool, started: Bool) -> Observation {
        if let exitFile, let code = Int32(exitFile.text.filter { !$0.isWhitespace }) {
            // conmon writes -1 where it could not learn the code.
            return .exited(code: code < 0 ? 255 : code, time: exitFile.time, outOfMemory: outOfMemory)
        }
        return alive ? .running(started: started) : .lost
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
            let alive = known.isAlive
            return Observation.decide(
                exitFile: ExitFile.read(exitPath), outOfMemory: Files.exists("\(process.bundle)/oom"), alive: alive,
                // runc and crun wait on this FIFO until start.
                started: alive && !Files.exists("\(root)/\(process.containerID)/exec.fifo"))
        }
    }
}
