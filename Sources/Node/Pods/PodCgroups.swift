import Cgroups
import Linux

/// The cgroups of pods and containers: their names by the driver, and the making of those that nobody else makes.
struct PodCgroups: Sendable {
    let tree: CgroupTree
    let names: CgroupNames

    init(layout: CgroupLayout, driver: CgroupDriver) {
        tree = CgroupTree(layout: layout)
        names = CgroupNames(driver: driver)
    }

    /// The parent of a pod's containers, and whether it is there already: the kubelet makes it, others do not.
    /// - Throws: `NodeError.invalidArgument` where it is not of the driver's form.
    func podParent(_ requested: String) throws(NodeError) -> (path: String, exists: Bool) {
        do {
            let path = try names.parent(requested)
            return (path, tree.exists(names.fileSystemPath(path)))
        } catch { throw .invalidArgument("\(error)") }
    }

    func containerPath(parent: String, containerID: String) -> String {
        names.containerPath(parent: parent, containerID: containerID)
    }

    /// Makes a pod's parent, where the driver leaves that to us. Blocks.
    func makeParent(_ path: String) throws {
        if names.driver == .cgroupfs { try tree.make(path) }
    }

    /// Writes a pod's own limits into its parent, where the driver leaves that to us. Blocks.
    func limit(_ path: String, _ limits: CgroupLimits) throws {
        if names.driver == .cgroupfs { try tree.apply(limits, to: path) }
    }

    /// Writes limits into a container's cgroup that its runtime does not. Blocks.
    func limit(container path: String, _ limits: CgroupLimits) throws { try tree.apply(limits, to: names.fileSystemPath(path)) }

    /// Removes a pod's parent; one that others use stays.
    func removeParent(_ path: String) async {
        guard names.driver == .cgroupfs else { return }
        try? await BlockingPool.shared.run { tree.remove(path) }
    }

    /// Files that take a process's number into a pod's or a container's cgroup.
    func procsFiles(of path: String) -> [String] { tree.procsFiles(of: names.fileSystemPath(path)) }

    /// The figures of a pod's or a container's cgroup; nil where it is gone.
    func statistics(of path: String) -> CgroupStatistics? { tree.statistics(of: names.fileSystemPath(path)) }

    func details(of path: String) -> CgroupDetails? { tree.details(of: names.fileSystemPath(path)) }

    /// The processes of a container.
    func processes(of path: String) -> [Int32] { tree.processes(of: names.fileSystemPath(path)) }
}
