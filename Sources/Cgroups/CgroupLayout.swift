import Linux

/// The cgroup hierarchies of this host, cgroups(7).
public struct CgroupLayout: Sendable, Equatable {
    public enum Version: String, Sendable, Codable { case v1, v2 }

    public var version: Version
    /// v1: each controller's mount point. v2: empty.
    public var controllers: [String: String]
    /// v2: the one mount point.
    public var unified: String
    /// Whether a v2 hierarchy lies beside v1 controllers, as systemd's "hybrid" mode has it. crun refuses such hosts.
    public var isHybrid = false

    public init(version: Version, controllers: [String: String] = [:], unified: String = "/sys/fs/cgroup") {
        self.version = version
        self.controllers = controllers
        self.unified = unified
    }

    /// Reads the hierarchies off the mounts. A v2 hierarchy beside v1 controllers (hybrid) counts as v1: the controllers are there.
    public init(mounts: [MountEntry]) {
        var controllers: [String: String] = [:]
        let known: Set<String> = [
            "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "hugetlb", "net_cls", "net_prio",
            "perf_event", "rdma", "misc",
        ]
        for mount in mounts where mount.type == "cgroup" {
            // Hierarchies without a controller have a name; runtimes make cgroups in those, too.
            for option in mount.superOptions where known.contains(option) || option.hasPrefix("name=") { controllers[option] = mount.mountPoint }
        }
        let unified = mounts.first { $0.type == "cgroup2" }?.mountPoint
        version = controllers.isEmpty && unified != nil ? .v2 : .v1
        self.controllers = controllers
        self.unified = unified ?? "/sys/fs/cgroup"
        isHybrid = version == .v1 && unified != nil
    }

    /// The directories of a cgroup, one a hierarchy, each once.
    public func directories(of path: String) -> [String] {
        let tail = path.hasPrefix("/") ? path : "/" + path
        if version == .v2 { return [unified + tail] }
        return Set(controllers.values).sorted().map { $0 + tail }
    }

    /// Whether the host has a controller: v2 has other names for some. Blocks.
    public func offers(_ controller: String, v2: String? = nil) -> Bool {
        if version == .v1 { return controllers[controller] != nil }
        let offered = ((try? Files.readText("\(unified)/cgroup.controllers")) ?? "").split(whereSeparator: \.isWhitespace)
        return offered.contains { $0 == v2 ?? controller }
    }

    /// The directory of a cgroup in a controller's hierarchy.
    public func directory(of path: String, controller: String) -> String? {
        let tail = path.hasPrefix("/") ? path : "/" + path
        return version == .v2 ? unified + tail : controllers[controller].map { $0 + tail }
    }
}
