import CRI

/// Whether a container's mounts make sense by themselves. Asked before anything is made; what depends on the host is looked up later.
public enum MountCheck {
    /// - Throws: `SpecError.invalid` naming the mount and what is wrong with it.
    public static func check(_ mounts: [Runtime_V1_Mount]) throws(SpecError) {
        for mount in mounts { try check(mount) }
    }

    private static func check(_ mount: Runtime_V1_Mount) throws(SpecError) {
        let path = mount.containerPath
        guard path.hasPrefix("/") else {
            throw .invalid("the mount of \(mount.hostPath) has the container path '\(path)', which is not absolute")
        }
        if case .UNRECOGNIZED(let value) = mount.propagation {
            throw .invalid("the mount at \(path) has the unknown propagation \(value)")
        }
        if mount.recursiveReadOnly {
            guard mount.readonly else {
                throw .invalid("the mount at \(path) asks for recursive read-only without being read-only")
            }
            guard mount.propagation == .propagationPrivate else {
                throw .invalid("the mount at \(path) asks for recursive read-only, which needs private propagation")
            }
        }
        try checkOptions(mount)
        if mount.image.image.isEmpty { try checkHostPath(mount) } else { try checkImage(mount) }
    }

    private static func checkHostPath(_ mount: Runtime_V1_Mount) throws(SpecError) {
        let path = mount.containerPath
        guard !mount.hostPath.isEmpty else { throw .invalid("the mount at \(path) has neither a host path nor an image") }
        guard mount.hostPath.hasPrefix("/") else {
            throw .invalid("the mount at \(path) has the host path '\(mount.hostPath)', which is not absolute")
        }
        guard mount.imageSubPath.isEmpty else { throw .invalid("the mount at \(path) has an image's sub-path and no image") }
    }

    private static func checkImage(_ mount: Runtime_V1_Mount) throws(SpecError) {
        let path = mount.containerPath
        guard mount.readonly else {
            throw .invalid("the mount at \(path) of the image \(mount.image.image) is not read-only: images cannot be written to")
        }
        guard mount.propagation != .propagationBidirectional else {
            throw .invalid("the mount at \(path) of the image \(mount.image.image) asks for bidirectional propagation: the host has no part in it")
        }
        let parts = mount.imageSubPath.split(separator: "/", omittingEmptySubsequences: false)
        guard mount.imageSubPath.isEmpty || (!mount.imageSubPath.hasPrefix("/") && !parts.contains("..")) else {
            throw .invalid("the mount at \(path) has the image's sub-path '\(mount.imageSubPath)', which is not a path below the image's root")
        }
    }

    /// Options that restrict, or that say how times of access are kept. Others would undo what the mount's fields say.
    private static let options: Set<String> = [
        "nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "nodiratime", "relatime", "strictatime", "nosymfollow",
    ]

    private static func checkOptions(_ mount: Runtime_V1_Mount) throws(SpecError) {
        guard let unknown = mount.mountOptions.first(where: { !options.contains($0) }) else { return }
        throw .invalid(
            "the mount at \(mount.containerPath) has the option '\(unknown)'; it can have \(options.sorted().joined(separator: ", "))")
    }
}
