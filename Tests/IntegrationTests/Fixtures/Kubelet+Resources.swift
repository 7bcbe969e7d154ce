import CRI
import Linux

extension Kubelet {
    func update(_ id: String, _ change: (inout Runtime_V1_LinuxContainerResources) -> Void) async throws {
        let resources = Runtime_V1_LinuxContainerResources.with(change)
        _ = try await runtime.updateContainerResources(
            .with {
                $0.containerID = id
                $0.linux = resources
            })
    }

    /// What a container reads in a file of its cgroup.
    /// - Parameter files: of v1, below the controller's directory, and of v2.
    func limit(_ id: String, _ files: CgroupFile) async throws -> String {
        try await output(id, "cat /sys/fs/cgroup/\(files.path)")
    }
}

/// A file that holds a limit, by its names in cgroup v1 and v2.
enum CgroupFile {
    case memory, memoryAndSwap, shares, cpus, quota

    static let isV1 = Files.exists("/sys/fs/cgroup/memory")

    /// Whether this kernel has such limits at all: small ones lack cpusets, or swap.
    var isOffered: Bool {
        guard !Self.isV1 else { return Files.exists("/sys/fs/cgroup/\(v1.prefix { $0 != "/" })") }
        switch self {
        case .cpus: return ((try? Files.readText("/sys/fs/cgroup/cgroup.controllers")) ?? "").contains("cpuset")
        case .memoryAndSwap: return Files.exists("/proc/swaps")
        case .memory, .shares, .quota: return true
        }
    }

    /// Below the place where cgroups are mounted.
    var path: String { Self.isV1 ? v1 : v2 }

    private var v1: String {
        switch self {
        case .memory: "memory/memory.limit_in_bytes"
        case .memoryAndSwap: "memory/memory.memsw.limit_in_bytes"
        case .shares: "cpu/cpu.shares"
        case .cpus: "cpuset/cpuset.cpus"
        case .quota: "cpu/cpu.cfs_quota_us"
        }
    }

    private var v2: String {
        switch self {
        case .memory: "memory.max"
        case .memoryAndSwap: "memory.swap.max"
        case .shares: "cpu.weight"
        case .cpus: "cpuset.cpus"
        case .quota: "cpu.max"
        }
    }

    /// The file of a pod's cgroup on the host.
    /// - Parameter parent: the CRI's cgroup_parent.
    func onHost(_ parent: String) -> String {
        let cgroup = Combination.current.path(ofParent: parent)
        guard Self.isV1, let slash = v1.firstIndex(of: "/") else { return "/sys/fs/cgroup\(cgroup)/\(v2)" }
        return "/sys/fs/cgroup/\(v1[..<slash])\(cgroup)\(v1[slash...])"
    }
}
