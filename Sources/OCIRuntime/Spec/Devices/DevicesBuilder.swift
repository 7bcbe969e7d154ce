import CRI
import OCI

/// The device nodes of a container and what it may do with them.
struct DevicesBuilder {
    let request: SpecRequest
    let settings: DeviceSettings

    /// What the builder makes.
    struct Result {
        /// Nil for none.
        var nodes: [Spec.Device]?
        var rules: [Spec.DeviceRule]
        /// Nodes that must be bound.
        var mounts: [Spec.Mount]
    }

    /// - Throws: `SpecError.invalid` where a privileged container asks for a device at the path of another one.
    func build() throws(SpecError) -> Result {
        let devices = request.devices
        try checkPaths(devices)
        var table = DeviceTable(bindsNodes: request.namespaces.user != nil)
        devices.configured.forEach { table.add($0) }
        for device in devices.host ?? [] { table.add(.init(device: device, access: "", source: device.path)) }
        devices.requested.forEach { table.add(owned($0)) }
        devices.injected.forEach { table.add(belonging($0)) }
        let rules: [Spec.DeviceRule] =
            devices.host == nil ? [.init(allow: false, access: "rwm")] + table.rules : [.init(allow: true, access: "rwm")]
        return Result(nodes: table.nodes.isEmpty ? nil : table.nodes, rules: rules, mounts: table.mounts)
    }

    /// A container that sees the host's devices would lose one of them without a word.
    private func checkPaths(_ devices: ContainerDevices) throws(SpecError) {
        for requested in devices.requested {
            guard let host = devices.host?.first(where: { $0.path == requested.device.path }) else { continue }
            guard requested.device.isSame(as: host) else {
                throw .invalid(
                    "the privileged container asks for \(requested.source) as \(host.path), which is another device of the host: ask for another path"
                )
            }
        }
    }

    private func owned(_ resolved: ResolvedDevice) -> ResolvedDevice {
        guard settings.ownershipFromSecurityContext else { return resolved }
        var resolved = resolved
        let security = request.security
        // 0 leaves the host's owner, as in CRI-O.
        if security.runAsUser.value > 0 { resolved.device.uid = request.user.uid }
        if security.runAsGroup.value > 0 { resolved.device.gid = request.user.gid }
        return resolved
    }

    private func belonging(_ resolved: ResolvedDevice) -> ResolvedDevice {
        var resolved = resolved
        if resolved.device.uid == nil, request.user.uid > 0 { resolved.device.uid = request.user.uid }
        if resolved.device.gid == nil, request.user.gid > 0 { resolved.device.gid = request.user.gid }
        return resolved
    }
}

/// Devices as they come together: one a path, the last one winning.
private struct DeviceTable {
    /// In a user namespace no node can be made. The runtime binds the host's node of the same path then; where the paths
    /// differ, a mount has to say so.
    let bindsNodes: Bool
    private(set) var nodes: [Spec.Device] = []
    private(set) var rules: [Spec.DeviceRule] = []
    private(set) var mounts: [Spec.Mount] = []

    init(bindsNodes: Bool) { self.bindsNodes = bindsNodes }

    mutating func add(_ resolved: ResolvedDevice) {
        let device = resolved.device
        nodes.removeAll { $0.path == device.path }
        mounts.removeAll { $0.destination == device.path }
        if bindsNodes, resolved.source != device.path {
            mounts.append(
                .init(destination: device.path, type: "bind", source: resolved.source, options: ["bind", "rprivate", "nosuid", "noexec"]))
        } else {
            nodes.append(device)
        }
        if device.type != "p", !resolved.access.isEmpty {
            rules.append(
                .init(
                    allow: true, type: device.type == "u" ? "c" : device.type, major: device.major, minor: device.minor,
                    access: resolved.access))
        }
    }
}

extension Spec.Device {
    fileprivate func isSame(as other: Spec.Device) -> Bool { type == other.type && major == other.major && minor == other.minor }
}
