import CRI
import Glibc
import Linux

/// A mount of the request with its host path as it is after links are followed.
public struct ResolvedMount: Sendable {
    public var mount: Runtime_V1_Mount
    public var source: String

    public init(mount: Runtime_V1_Mount, source: String) {
        self.mount = mount
        self.source = source
    }
}

/// Makes the request's host paths ready. Blocks.
public enum HostPaths {
    /// Follows links; a path that is not there is made as a directory, as CRI-O does.
    /// - Parameter rejected: paths that are not made, since a directory in their place would do harm.
    /// - Throws: `SpecError.invalid` for mounts that cannot be; `SystemError`.
    public static func resolve(_ mounts: [Runtime_V1_Mount], table: [MountEntry], rejected: [String] = []) throws -> [ResolvedMount] {
        try mounts.map { mount in
            let source = try resolve(mount.hostPath, of: mount, rejected)
            try Propagation.check(mount, source: source, table: table)
            return ResolvedMount(mount: mount, source: source)
        }
    }

    private static func resolve(_ path: String, of mount: Runtime_V1_Mount, _ rejected: [String]) throws -> String {
        if !Files.exists(path) {
            guard !rejected.contains(MountsBuilder.clean(path)) else {
                throw SpecError.invalid(
                    "the host has no \(path) to mount at \(mount.containerPath), and absent_mount_sources_to_reject says not to make it")
            }
            do { try Files.makeDirectories(path) } catch {
                guard error.code == ENOTDIR || error.code == EEXIST else { throw error }
                throw SpecError.invalid("the host path \(path) of the mount at \(mount.containerPath) lies below what is no directory")
            }
        }
        guard let resolved = realpath(path, nil) else {
            let error = SystemError("realpath", path)
            guard error.code == ENOENT || error.code == ELOOP else { throw error }
            throw SpecError.invalid("the host path \(path) of the mount at \(mount.containerPath) is a link that leads nowhere")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

extension HostPaths {
    /// The mount that a path lies on: the longest mount point above it, the last of equals.
    public static func holder(of path: String, in table: [MountEntry]) -> MountEntry? {
        table.filter { $0.mountPoint == "/" || path == $0.mountPoint || path.hasPrefix($0.mountPoint + "/") }
            .enumerated()
            .max { ($0.element.mountPoint.utf8.count, $0.offset) < ($1.element.mountPoint.utf8.count, $1.offset) }?.element
    }
}

/// Whether mounts pass between a host path and the container as the request wants.
enum Propagation {
    /// - Throws: `SpecError.invalid` where the host's mount does not share.
    static func check(_ mount: Runtime_V1_Mount, source: String, table: [MountEntry]) throws(SpecError) {
        guard mount.propagation != .propagationPrivate, let entry = HostPaths.holder(of: source, in: table) else { return }
        switch mount.propagation {
        case .propagationBidirectional where !entry.isShared:
            throw .invalid(
                "\(source) is mounted on \(entry.mountPoint), which is not a shared mount: bidirectional propagation needs `mount --make-rshared \(entry.mountPoint)`"
            )
        case .propagationHostToContainer where !entry.isShared && !entry.isSlave:
            throw .invalid(
                "\(source) is mounted on \(entry.mountPoint), which is neither a shared nor a slave mount: propagation from the host needs `mount --make-rshared \(entry.mountPoint)`"
            )
        default: return
        }
    }
}
