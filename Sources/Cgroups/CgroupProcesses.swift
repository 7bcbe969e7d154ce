import Glibc
import Linux

/// The processes of cgroups, by their directories: one a hierarchy.
public enum CgroupProcesses {
    /// The numbers of those in the cgroups and in all below them, each once; none where they are gone.
    public static func read(below directories: [String]) -> [Int32] {
        let texts = directories.flatMap { CgroupTree.below($0) }.compactMap { try? Files.readText("\($0)/cgroup.procs") }
        return Set(texts.flatMap { $0.split(separator: "\n").compactMap { Int32($0) } }).filter { $0 > 1 }.sorted()
    }

    /// Kills all of them, and those that they make meanwhile, as far as ten rounds reach. Blocks.
    public static func kill(below directories: [String]) {
        for _ in 0..<10 {
            // Since Linux 5.14 the kernel does it at one blow.
            for directory in directories { try? Files.write("1", to: "\(directory)/cgroup.kill") }
            let pids = read(below: directories)
            if pids.isEmpty { return }
            for pid in pids { _ = Glibc.kill(pid, SIGKILL) }
            usleep(2000)
        }
    }
}
