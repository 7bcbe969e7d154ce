import CDI
import Linux
import OCI

/// A device that a container is to have, looked up on the host.
public struct ResolvedDevice: Sendable, Equatable {
    public var device: Spec.Device
    /// Of `r`, `w`, `m`.
    public var access: String
    /// Where it is on the host.
    public var source: String

    public init(device: Spec.Device, access: String, source: String) {
        self.device = device
        self.access = access
        self.source = source
    }
}

/// All devices that a container is to have, by who asked for them. What comes later wins where paths are the same.
public struct ContainerDevices: Sendable, Equatable {
    /// The configuration's, and those of the pod's annotation.
    public var configured: [ResolvedDevice] = []
    /// All of the host's, for a privileged container; nil where it does not get them.
    public var host: [Spec.Device]?
    /// The request's own.
    public var requested: [ResolvedDevice] = []
    /// The device nodes of its CDI devices. Without an owner they belong to the container's user.
    public var injected: [ResolvedDevice] = []
    /// What else those bring with them.
    public var edits = ContainerEdits()

    public init() {}

    /// Takes over what CDI devices bring.
    /// - Throws: `CDIError.hostDevice` where the host lacks what a node needs.
    public mutating func inject(_ edits: ContainerEdits, host: (String) -> DeviceFile?) throws(CDIError) {
        self.edits = edits
        for node in edits.deviceNodes {
            let node = try node.completed(by: host(node.source))
            let isDevice = node.type != "p"
            injected.append(
                ResolvedDevice(
                    device: Spec.Device(
                        path: node.path, type: node.type ?? "c", major: isDevice ? node.major : nil, minor: isDevice ? node.minor : nil,
                        fileMode: node.fileMode, uid: node.uid, gid: node.gid), access: node.permissions ?? "rwm", source: node.source))
        }
    }
}
