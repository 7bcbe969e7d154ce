import Cgroups
import Linux

/// The cgroups of pods and containers: their names, and the making of those that nobody else makes.
///
/// New pods' are the configured driver's. One that a pod has already is of the driver that its name is of: a path, or a slice.
struct PodCgroups: Sendable {
    let tree: CgroupTree
    let systemd: Systemd
    let outOfMemory: OOMWatcher
    let driver: CgroupDriver
    /// The daemon's root, by which it knows its own scopes from those of another one on the same host.
    let owner: String

    init(layout: CgroupLayout, driver: CgroupDriver, owner: String) {
        tree = CgroupTree(layout: layout)
        systemd = Systemd()
        outOfMemory = OOMWatcher(tree: tree)
        self.driver = driver
        self.owner = owner
    }

    func names(of path: String) -> CgroupNames { CgroupNames(driver: path.hasPrefix("/") ? .cgroupfs : .systemd) }

    /// The parent of a new pod's containers.
    /// - Throws: `NodeError.invalidArgument` where it is not of the driver's form.
    func podParent(_ requested: String) throws(NodeError) -> String {
        do { return try CgroupNames(driver: driver).parent(requested) } catch { throw .invalidArgument("\(error)") }
    }

    func containerPath(parent: String, containerID: String) -> String {
        names(of: parent).containerPath(parent: parent, containerID: containerID)
    }

    /// The directories of a pod's or a container's cgroup, one a hierarchy.
    func directories(of path: String) -> [String] { tree.layout.directories(of: names(of: path).fileSystemPath(path)) }

    /// The figures of a pod's or a container's cgroup; nil where it is gone.
    func statistics(of path: String) -> CgroupStatistics? { tree.statistics(of: names(of: path).fileSystemPath(path)) }

    func details(of path: String) -> CgroupDetails? { tree.details(of: names(of: path).fileSystemPath(path)) }

    /// The processes of a container, those in cgroups of its own included.
    func processes(of path: String) -> [Int32] { tree.processes(of: names(of: path).fileSystemPath(path)) }

    /// Removes the cgroup of a container that has no process any more; a scope has gone with it.
    func removeContainer(_ container: ContainerRecord) async throws {
        let names = names(of: container.cgroupPath)
        guard names.driver == .cgroupfs else { return }
        let path = names.fileSystemPath(container.cgroupPath)
        try await BlockingPool.shared.run { [tree] in tree.remove(path) }
    }

    /// Writes limits into a container's cgroup that its runtime does not. Blocks.
    func limit(container path: String, _ limits: CgroupLimits) throws { try tree.apply(limits, to: names(of: path).fileSystemPath(path)) }

    /// Follows what a container's cgroup tells of memory that ran out.
    func watch(_ container: ContainerRecord) {
        outOfMemory.watch(container.id, path: names(of: container.cgroupPath).fileSystemPath(container.cgroupPath), pid: container.pid)
    }

    /// Whether a container that ended with this code ran out of memory.
    func ranOutOfMemory(_ container: ContainerRecord, code: Int32) -> Bool {
        let path = names(of: container.cgroupPath).fileSystemPath(container.cgroupPath)
        return outOfMemory.explains(exitCode: code, of: container.id, path: path, pid: container.pid)
    }
}
