import Glibc
import Linux
import OCIRuntime

/// A container's volumes as its pod's user namespace sees them, for runtimes that cannot shift owners: bound below the bundle,
/// from where the runtime binds them once more. They are there only while it does, so that they keep no volume busy. Blocks.
struct ShiftedVolumes: Sendable {
    /// Gets a file or directory for each volume.
    let directory: String

    /// Binds a host path with the mounts below it.
    /// - Returns: where.
    /// - Throws: `SpecError.unsupported` where a file system cannot shift owners, `SystemError`.
    func bind(_ source: String, number: Int, userNamespace: String) throws -> String {
        let namespace = try OwnedDescriptor.open(userNamespace, O_RDONLY)
        let target = "\(directory)/\(number)"
        try Files.makeDirectories(Files.isDirectory(source) ? target : directory, mode: 0o700)
        if !Files.isDirectory(source) { try OwnedDescriptor.open(target, O_WRONLY | O_CREAT).close() }
        do {
            try Mounts.bindShifted(source, at: target, userNamespace: namespace, recursive: true)
        } catch {
            throw SpecError.unsupported(try explain(error, source, namespace))
        }
        return target
    }

    /// Says which of the mounts it was.
    private func explain(_ error: SystemError, _ source: String, _ namespace: OwnedDescriptor) throws -> String {
        let culprit = Self.mounts(of: source, in: try MountTable.read()).first {
            !Mounts.canShift($0.path, userNamespace: namespace)
        }
        let advice = "use a volume of another file system, or a pod in the host's user namespace"
        guard let culprit else { return "\(source) cannot be shown with the owners of the pod's user namespace: \(error): \(advice)" }
        return "\(culprit.path) (\(culprit.type)) cannot be shown with the owners of the pod's user namespace: "
            + "its file system has no ID-mapped mounts, or it is one already: \(advice)"
    }

    /// The paths of all mounts that a path stands for: the one it lies on and those below it.
    static func mounts(of path: String, in table: [MountEntry]) -> [(path: String, type: String)] {
        let below = table.filter { $0.mountPoint.hasPrefix(path == "/" ? "/" : path + "/") && $0.mountPoint != path }
        let own = HostPaths.holder(of: path, in: table)
        return [(path, own?.type ?? "unknown")] + below.map { ($0.mountPoint, $0.type) }
    }

    /// Unmounts them all. Idempotent.
    func unbind() throws {
        guard Files.exists(directory) else { return }
        try Mounts.unmountAll(below: directory)
    }
}
