import CRI
import Glibc
import CLinux
import Linux
import OCI

/// A device of the request, looked up on the host.
public struct ResolvedDevice: Sendable, Equatable {
    public var device: Spec.Device
    /// Of `r`, `w`, `m`.
    public var access: String

    public init(device: Spec.Device, access: String) {
        self.device = device
        self.access = access
    }
}

/// The device nodes of a container and what it may do with them.
struct DevicesBuilder {
    let request: SpecRequest
    let host: SpecHost

    func build() -> (nodes: [Spec.Device]?, rules: [Spec.DeviceRule]) {
        if request.isPrivileged { return (host.devices, [.init(allow: true, access: "rwm")]) }
        let rules = request.devices.map {
            Spec.DeviceRule(allow: true, type: $0.device.type, major: $0.device.major, minor: $0.device.minor, access: $0.access)
        }
        let nodes = request.devices.map(\.device)
        return (nodes.isEmpty ? nil : nodes, [.init(allow: false, access: "rwm")] + rules)
    }
}

/// Looks devices up on the host. Blocks.
public enum HostDevices {
    /// A device, or the devices in a directory and below.
    /// - Throws: `SpecError.invalid` where there is none, or the permissions are not of `rwm`.
    public static func find(_ device: Runtime_V1_Device) throws(SpecError) -> [ResolvedDevice] {
        let access = device.permissions.nonEmpty ?? "rwm"
        guard access.allSatisfy({ "rwm".contains($0) }) else {
            throw .invalid("the device \(device.hostPath) has permissions '\(device.permissions)'; they are made of r, w and m")
        }
        let target = device.containerPath.nonEmpty ?? device.hostPath
        let found =
            Files.isDirectory(device.hostPath)
            ? tree(device.hostPath).compactMap { path in
                node(path, as: target + path.dropFirst(device.hostPath.count))
            } : [node(device.hostPath, as: target)].compactMap(\.self)
        guard !found.isEmpty else { throw .invalid("the host has no device at \(device.hostPath)") }
        return found.map { ResolvedDevice(device: $0, access: access) }
    }

    /// All devices of the host, but for those that belong to a terminal or a mount of a container's own. Links are none:
    /// /dev/stdin leads to whatever the daemon reads.
    public static func all() -> [Spec.Device] {
        var status = stat()
        return tree("/dev").filter { lstat($0, &status) == 0 && status.st_mode & S_IFMT != S_IFLNK }.compactMap { node($0, as: $0) }
    }

    private static func tree(_ directory: String) -> [String] {
        let own = ["/dev/pts", "/dev/shm", "/dev/fd", "/dev/mqueue", "/dev/console", "/dev/.lxc", "/dev/.lxd-mounts", "/dev/.udev"]
        return ((try? Files.list(directory)) ?? []).flatMap { name -> [String] in
            let path = "\(directory)/\(name)"
            if own.contains(path) { return [] }
            return Files.isDirectory(path) ? tree(path) : [path]
        }
    }

    /// The node at a path; nil where it is no device. A link is followed.
    static func node(_ path: String, as target: String) -> Spec.Device? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let type: String
        switch status.st_mode & S_IFMT {
        case S_IFCHR: type = "c"
        case S_IFBLK: type = "b"
        default: return nil
        }
        return Spec.Device(
            path: target, type: type, major: Int64(clinux_major(UInt64(status.st_rdev))),
            minor: Int64(clinux_minor(UInt64(status.st_rdev))),
            fileMode: status.st_mode & 0o7777, uid: status.st_uid, gid: status.st_gid)
    }
}
