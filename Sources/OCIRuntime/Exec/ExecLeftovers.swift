import Glibc
import Linux

/// Commands in a container whose daemon was killed. Nobody has their streams any more, nor waits for them.
public enum ExecLeftovers {
    /// Ends them and removes their files. Blocks.
    /// - Parameter containerID: a process in whose cgroup's name it is not has got an old number.
    public static func end(bundle: String, containerID: String) {
        for name in (try? Files.list(bundle)) ?? [] where name.hasPrefix("exec-") {
            let path = "\(bundle)/\(name)"
            if name.hasSuffix(".pid"), let pid = (try? Files.readText(path)).flatMap({ Int32($0) }),
                let cgroup = try? Files.readText("/proc/\(pid)/cgroup"), cgroup.contains(containerID)
            {
                ProcessTree.kill(pid)
            }
            unlink(path)
        }
    }
}
