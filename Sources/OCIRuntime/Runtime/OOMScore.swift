import Cgroups
import Glibc
import Linux

/// The score by which the kernel chooses whom to kill when memory runs out, proc_pid_oom_score_adj(5).
public enum OOMScore {
    /// Gives a score to every process of a cgroup, those too that are forked meanwhile. Blocks.
    /// - Parameter directories: the cgroup's, one a hierarchy.
    /// - Throws: `SystemError`, with EACCES where a score goes below what the processes began with and the daemon lacks CAP_SYS_RESOURCE.
    public static func set(_ score: Int, ofProcessesIn directories: [String]) throws(SystemError) {
        var done: Set<Int32> = []
        // A child takes its parent's score. One that was forked before that is in the next list.
        for _ in 0..<16 {
            let new = Set(CgroupProcesses.read(below: directories)).subtracting(done)
            if new.isEmpty { return }
            for pid in new {
                do { try Files.write("\(score)", to: "/proc/\(pid)/oom_score_adj") } catch {
                    // It has ended meanwhile.
                    guard error.code == ENOENT || error.code == ESRCH else { throw error }
                }
            }
            done.formUnion(new)
        }
    }
}
