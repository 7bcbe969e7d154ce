import Glibc
import Linux

/// A process and all that came of it.
public enum ProcessTree {
    /// Ends the process and its descendants. Each is stopped before its children are listed, so that none is born unseen. Blocks.
    public static func kill(_ root: Int32) {
        var pending = [root]
        var stopped: [Int32] = []
        while let pid = pending.popLast() {
            guard pid > 1, Glibc.kill(pid, SIGSTOP) == 0 else { continue }
            stopped.append(pid)
            pending += children(of: pid)
        }
        for pid in stopped { _ = Glibc.kill(pid, SIGKILL) }
    }

    /// /proc/PID/task/TID/children of all threads.
    static func children(of pid: Int32) -> [Int32] {
        let tasks = (try? Files.list("/proc/\(pid)/task")) ?? []
        return tasks.flatMap { task in
            ((try? Files.readText("/proc/\(pid)/task/\(task)/children")) ?? "").split(separator: " ").compactMap { Int32($0) }
        }
    }
}
