import Cgroups
import CLinux
import Glibc
import Linux

extension SpecHost {
    /// Asks the host once for all that specifications depend on. Blocks.
    public static func probe(layout: CgroupLayout) -> SpecHost {
        let bounding = CapabilitySet.all.enumerated().filter { clinux_capbset_read(CInt($0.offset)) == 1 }.map(\.element)
        let score = (try? Files.readText("/proc/self/oom_score_adj")).flatMap { Int($0.filter { !$0.isWhitespace }) } ?? 0
        let memory = layout.directory(of: "/", controller: "memory") ?? ""
        var result = SpecHost(
            cgroupV2: layout.version == .v2, hugepageSizes: hugepageSizes(layout), boundingSet: bounding,
            oomScoreFloor: bounding.contains("CAP_SYS_RESOURCE") ? -1000 : score,
            swapAccounting: layout.version == .v2 || Files.exists("\(memory)/memory.memsw.limit_in_bytes"),
            seccomp: Files.exists("/proc/sys/kernel/seccomp/actions_avail"),
            appArmor: ((try? Files.readText("/sys/module/apparmor/parameters/enabled")) ?? "").hasPrefix("Y"),
            seLinux: Files.exists("/sys/fs/selinux/enforce"))
        result.blockIOWeights = blockIOWeights(layout)
        result.recursiveReadOnly = Mounts.canChangeRecursively
        result.hasHostsFile = Files.exists("/etc/hosts")
        return result
    }

    /// A root cgroup has no weight of its own; with v1 its figures tell of BFQ. With v2 there is a weight of some kind always.
    private static func blockIOWeights(_ layout: CgroupLayout) -> Bool {
        guard let directory = layout.directory(of: "/", controller: "blkio") else { return false }
        return layout.version == .v2 || Files.exists("\(directory)/blkio.bfq.io_serviced")
    }

    private static func hugepageSizes(_ layout: CgroupLayout) -> [String] {
        let offered =
            layout.version == .v1
            ? layout.controllers["hugetlb"] != nil
            : ((try? Files.readText("\(layout.unified)/cgroup.controllers")) ?? "").split(separator: " ").contains("hugetlb")
        guard offered, let names = try? Files.list("/sys/kernel/mm/hugepages") else { return [] }
        // `hugepages-2048kB` is what the specification calls `2MB`.
        return names.compactMap { name in
            guard let size = Int(name.dropFirst("hugepages-".count).prefix { $0.isNumber }) else { return nil }
            return size >= 1 << 20 ? "\(size >> 20)GB" : size >= 1024 ? "\(size >> 10)MB" : "\(size)KB"
        }
    }
}
