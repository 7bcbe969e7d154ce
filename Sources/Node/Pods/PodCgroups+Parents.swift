import Cgroups
import Linux

// The cgroups above pods. The kubelet makes its own; those that nobody made are made here, and removed when no pod is in them any more.
extension PodCgroups {
    /// Of a parent and those above it the ones that are not there, the deepest first.
    func absent(_ parent: String) -> [String] {
        let names = names(of: parent)
        return names.lineage(ofParent: parent).filter { !tree.exists(names.fileSystemPath($0)) }
    }

    /// Whether one parent is another or above it.
    func isParent(_ parent: String, of other: String) -> Bool { names(of: other).lineage(ofParent: other).contains(parent) }

    /// Makes a pod's parent. Idempotent.
    /// - Throws: `SystemdError`, `SystemError`.
    func makeParent(_ path: String) async throws {
        let names = names(of: path)
        switch names.driver {
        case .cgroupfs: try await BlockingPool.shared.run { [tree] in try tree.make(path) }
        case .systemd:
            if tree.exists(names.fileSystemPath(path)) { return }
            try await systemd.startSlice(path, description: "Pods of Swiftlet at \(owner)")
        }
    }

    /// Writes a pod's own limits into its parent.
    /// - Throws: `SystemdError`, `SystemError`.
    func limit(_ path: String, _ limits: CgroupLimits) async throws {
        let names = names(of: path)
        var limits = limits
        if names.driver == .systemd {
            let properties = UnitProperty.properties(limits, tree.layout.version)
            if !properties.isEmpty { try await systemd.set(properties, of: path) }
            limits = limits.withoutUnitProperties
        }
        try await BlockingPool.shared.run { [tree, limits] in try tree.apply(limits, to: names.fileSystemPath(path)) }
    }

    /// Removes a parent that was made here; one that something is in stays.
    /// - Parameter isPods: Whether it is the pod's own, where runtimes may leave empty cgroups; of those above it others may have some.
    /// - Throws: `SystemdError`.
    func removeParent(_ path: String, isPods: Bool) async throws {
        let names = names(of: path)
        let directory = names.fileSystemPath(path)
        // Monitors end a moment after their containers.
        for _ in 0..<25 where tree.isPopulated(directory) { try await Task.sleep(for: .milliseconds(20)) }
        switch names.driver {
        case .cgroupfs: try await BlockingPool.shared.run { [tree] in if isPods { tree.remove(path) } else { tree.removeEmpty(path) } }
        case .systemd:
            guard !tree.isPopulated(directory), isPods || !tree.hasChildren(directory) else { return }
            try await systemd.stop(path)
        }
    }
}
