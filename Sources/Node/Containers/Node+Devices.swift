import CDI
import CRI
import Linux
import Logging
import OCIRuntime

extension Node {
    /// Finds on the host all devices that a container is to have.
    /// - Throws: `SpecError.invalid` and `CDIError` for those that are not there or not allowed; `NodeError`.
    func devices(of container: ContainerRecord, in pod: PodRecord) async throws -> ContainerDevices {
        let logger = logger(container: container)
        let lookUp = DeviceLookUp(
            settings: settings.specification.devices, handler: try runtimes.runtime(of: pod).handler, allowed: allowedPrefixes(of: pod),
            logger: logger)
        return try await BlockingPool.shared.run { try lookUp.run(container.config, podAnnotations: pod.config.annotations) }
    }
}

/// What a container's configuration, its pod's annotations, the handler and the configuration file say of devices, looked up
/// on the host as it is now. Blocks.
struct DeviceLookUp: Sendable {
    let settings: DeviceSettings
    let handler: RuntimeHandler
    /// Beginnings of the annotations that the pod may use.
    let allowed: [String]
    let logger: Logger

    func run(_ config: Runtime_V1_ContainerConfig, podAnnotations: [String: String]) throws -> ContainerDevices {
        var devices = ContainerDevices()
        for mapping in settings.additional { devices.configured += try configured(mapping) }
        for mapping in try annotated(podAnnotations) { devices.configured += try HostDevices.find(mapping) }
        if config.linux.securityContext.privileged, !handler.privilegedWithoutHostDevices { devices.host = HostDevices.all() }
        for device in config.devices { devices.requested += try HostDevices.find(try DeviceMapping(device)) }
        try inject(config, &devices)
        return devices
    }

    /// The request is not at fault where the host lacks what the configuration gives to every container.
    private func configured(_ mapping: DeviceMapping) throws -> [ResolvedDevice] {
        do { return try HostDevices.find(mapping) } catch {
            throw NodeError.failedPrecondition("\(error): attach it, or take it from additional_devices of [crio.runtime]")
        }
    }

    /// A handler that does not let the annotation through makes it a word like any other, as in CRI-O: a pod that runs there
    /// runs here. The log tells whoever misses the device.
    private func annotated(_ annotations: [String: String]) throws -> [DeviceMapping] {
        guard let name = DeviceAnnotation.name(in: annotations) else { return [] }
        guard DeviceAnnotation.isAllowed(by: allowed) else {
            logger.warning(
                "the annotation \(name) has no effect: allow it in allowed_annotations of [crio.runtime.runtimes.\(handler.name)]")
            return []
        }
        return try DeviceAnnotation.devices(in: annotations, allowed: settings.allowed)
    }

    private func inject(_ config: Runtime_V1_ContainerConfig, _ devices: inout ContainerDevices) throws(CDIError) {
        let names = try CDIRequest.names(config)
        guard !names.isEmpty else { return }
        let registry = DeviceRegistry.read(settings.cdiDirectories)
        for file in registry.unreadable { logger.warning("CDI: \(file)") }
        try devices.inject(try registry.edits(for: names)) { DeviceFile(path: $0, followingLinks: true) }
    }
}
