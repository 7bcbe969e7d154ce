import CDI
import CRI

/// The annotation by which a pod asks for devices of `allowed_devices`, CRI-O's crio.conf(5): devices with commas between them.
public enum DeviceAnnotation {
    /// CRI-O's name of today and its older one, which counts where the other is not there.
    public static let names = ["devices.crio.io", "io.kubernetes.cri-o.Devices"]

    /// The annotation's name, where the pod has it.
    public static func name(in annotations: [String: String]) -> String? {
        names.first { annotations[$0] != nil }
    }

    /// Whether a handler lets pods use it: by either name, or by a prefix of one.
    public static func isAllowed(by handler: [String]) -> Bool {
        handler.contains { prefix in names.contains { $0.hasPrefix(prefix) } }
    }

    /// The devices that a pod asks for.
    /// - Throws: `SpecError.invalid` for what is no device, and what `allowed` does not have.
    public static func devices(in annotations: [String: String], allowed: [String]) throws(SpecError) -> [DeviceMapping] {
        guard let name = name(in: annotations), let value = annotations[name] else { return [] }
        var devices: [DeviceMapping] = []
        for text in value.split(separator: ",") {
            let device: DeviceMapping
            do { device = try DeviceMapping(String(text)) } catch { throw .invalid("the annotation \(name): \(error)") }
            guard allowed.contains(device.hostPath) else {
                throw .invalid(
                    "the annotation \(name) asks for \(device.hostPath), which is not among allowed_devices of [crio.runtime]: "
                        + (allowed.isEmpty ? "there are none" : allowed.joined(separator: ", ")))
            }
            devices.append(device)
        }
        return devices
    }
}

/// The names of the CDI devices that a container asks for.
public enum CDIRequest {
    static let annotationPrefix = "cdi.k8s.io/"

    /// Those of the request's field, then those of its annotations in their keys' order. CRI, ContainerConfig.CDI_devices;
    /// CDI specification 1.1.0, "Kubernetes".
    /// - Throws: `CDIError.malformedName`.
    public static func names(_ config: Runtime_V1_ContainerConfig) throws(CDIError) -> [QualifiedName] {
        var names: [QualifiedName] = []
        for device in config.cdiDevices { names.append(try QualifiedName(device.name)) }
        for (key, value) in config.annotations.sorted(by: { $0.key < $1.key }) where key.hasPrefix(annotationPrefix) {
            for name in value.split(separator: ",", omittingEmptySubsequences: false) { names.append(try QualifiedName(String(name))) }
        }
        return names
    }
}
