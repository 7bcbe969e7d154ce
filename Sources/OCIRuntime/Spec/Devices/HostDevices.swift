import Glibc
import Linux
import OCI

/// Looks devices up on the host. Blocks.
public enum HostDevices {
    /// A device, or the devices in a directory and below.
    /// - Throws: `SpecError.invalid` where there is none.
    public static func find(_ mapping: DeviceMapping) throws(SpecError) -> [ResolvedDevice] {
        guard let path = resolve(mapping.hostPath) else { throw missing(mapping) }
        let paths = Files.isDirectory(path) ? tree(path) : [path]
        let found = paths.compactMap { node in
            device(node, as: mapping.containerPath + node.dropFirst(path.count)).map {
                ResolvedDevice(device: $0, access: mapping.access, source: node)
            }
        }
        guard !found.isEmpty else { throw missing(mapping) }
        return found
    }

    /// All devices of the host as they are now, but for those that belong to a terminal or a mount of a container's own.
    public static func all() -> [Spec.Device] {
        tree("/dev").compactMap { device($0, as: $0) }
    }

    private static func missing(_ mapping: DeviceMapping) -> SpecError {
        .invalid("the host has no device at \(mapping.hostPath), which was asked for as \(mapping.containerPath)")
    }

    private static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The files of a directory and below, no link followed: what a link leads to is there by its own name.
    private static func tree(_ directory: String) -> [String] {
        let own = ["/dev/pts", "/dev/shm", "/dev/fd", "/dev/mqueue", "/dev/console", "/dev/.lxc", "/dev/.lxd-mounts", "/dev/.udev"]
        return ((try? Files.list(directory)) ?? []).flatMap { name -> [String] in
            let path = "\(directory)/\(name)"
            if own.contains(path) { return [] }
            return Files.isDirectory(path) ? tree(path) : [path]
        }
    }

    /// The device at a path; nil where it is none, a FIFO included.
    private static func device(_ path: String, as target: String) -> Spec.Device? {
        guard let file = DeviceFile(path: path, followingLinks: false), file.type != .fifo else { return nil }
        return Spec.Device(
            path: target, type: file.type.rawValue, major: Int64(file.major), minor: Int64(file.minor), fileMode: file.mode,
            uid: file.uid, gid: file.gid)
    }
}
