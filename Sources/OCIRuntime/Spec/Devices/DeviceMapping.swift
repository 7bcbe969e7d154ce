import CRI
import Linux

/// A host's device, or a directory of them, and how a container is to have it.
public struct DeviceMapping: Sendable, Equatable {
    public var hostPath: String
    public var containerPath: String
    /// Of `r`, `w` and `m`, each at most once.
    public var access: String

    /// Reads `HOST[:CONTAINER][:PERMISSIONS]`, as additional_devices and the annotation have it; the container's path is below /dev.
    /// - Throws: `SpecError.invalid`.
    public init(_ text: String) throws(SpecError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        var target = parts.count > 1 ? parts[1] : ""
        access = "rwm"
        if parts.count == 3 { access = parts[2] }
        // The path in the middle may be left out.
        if parts.count == 2, Self.isAccess(target) { (access, target) = (target, "") }
        hostPath = parts[0]
        containerPath = MountsBuilder.clean(target.isEmpty ? hostPath : target)
        guard (1...3).contains(parts.count), hostPath.hasPrefix("/"), target.isEmpty || target.hasPrefix("/"), Self.isAccess(access) else {
            throw .invalid("'\(text)' is not HOST[:CONTAINER][:PERMISSIONS], with absolute paths and permissions of r, w and m")
        }
        guard containerPath.hasPrefix("/dev/") else {
            throw .invalid("'\(text)' puts a device at \(containerPath), which is not below /dev")
        }
    }

    /// A device of the request. CRI, Device.
    /// - Throws: `SpecError.invalid`.
    public init(_ device: Runtime_V1_Device) throws(SpecError) {
        hostPath = device.hostPath
        containerPath = MountsBuilder.clean(device.containerPath.nonEmpty ?? device.hostPath)
        access = device.permissions.nonEmpty ?? "rwm"
        guard hostPath.hasPrefix("/"), device.containerPath.isEmpty || device.containerPath.hasPrefix("/") else {
            throw .invalid("the device '\(device.hostPath)' for '\(device.containerPath)' has a path that is not absolute")
        }
        guard Self.isAccess(access) else {
            throw .invalid("the device \(hostPath) has permissions '\(access)'; they are made of r, w and m, each once")
        }
    }

    private static func isAccess(_ text: String) -> Bool {
        !text.isEmpty && text.allSatisfy { "rwm".contains($0) } && Set(text).count == text.count
    }
}
