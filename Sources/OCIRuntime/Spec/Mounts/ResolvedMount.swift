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
    /// - Throws: `SpecError.invalid` for mounts that cannot be; `SystemError`.
    public static func resolve(_ mounts: [Runtime_V1_Mount], table: [MountEntry]) throws -> [ResolvedMount] {
        try mounts.map { mount in
            guard mount.containerPath.hasPrefix("/") else {
                throw SpecError.invalid(
                    "the mount of \(mount.hostPath) has the container path '\(mount.containerPath)', which is not absolute")
            }
            guard !mount.hostPath.isEmpty else {
                throw SpecError.invalid("the mount at \(mount.containerPath) has neither a host path nor an image")
            }
            if !Files.exists(mount.hostPath) { try Files.makeDirectories(mount.hostPath) }
            guard let resolved = realpath(mount.hostPath, nil) else { throw SystemError("realpath", mount.hostPath) }
            defer { free(resolved) }
            let source = String(cString: resolved)
            try Propagation.check(mount, source: source, table: table)
            return ResolvedMount(mount: mount, source: source)
        }
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
    /// - Throws: `SpecError.invalid` where the host's mount does not share, or the request contradicts itself.
    static func check(_ mount: Runtime_V1_Mount, source: String, table: [MountEntry]) throws(SpecError) {
        if mount.recursiveReadOnly {
            guard mount.readonly else {
                throw .invalid("the mount at \(mount.containerPath) asks for recursive read-only without being read-only")
            }
            guard mount.propagation == .propagationPrivate else {
                throw .invalid("the mount at \(mount.containerPath) asks for recursive read-only, which needs private propagation")
            }
        }
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
