import CRI
import Linux
import OCI

/// Makes the runtime specification of a container: a pure function of the request, the host and the configuration.
/// Each part has a builder of its own in the folders beside this file.
public struct SpecBuilder: Sendable {
    public let host: SpecHost
    public let settings: SpecSettings

    public init(host: SpecHost, settings: SpecSettings) {
        self.host = host
        self.settings = settings
    }

    /// - Throws: `SpecError`.
    public func build(_ request: SpecRequest) throws(SpecError) -> Spec {
        var spec = Spec()
        spec.root = .init(path: request.rootfs, readonly: request.security.readonlyRootfs || settings.readOnly ? true : nil)
        spec.process = try process(request)
        let devices = try DevicesBuilder(request: request, settings: settings.devices).build()
        let mounts = MountsBuilder(request: request, host: host, settings: settings, configured: configuredMounts(request))
        spec.mounts = try mounts.build() + devices.mounts
        spec.annotations = request.annotations
        spec.linux = try linux(request, devices)
        try configure(&spec, request)
        request.devices.edits.apply(to: &spec)
        return spec
    }

    private func linux(_ request: SpecRequest, _ devices: DevicesBuilder.Result) throws(SpecError) -> Spec.Linux {
        var linux = Spec.Linux()
        linux.namespaces = namespaces(request)
        linux.cgroupsPath = request.cgroupsPath
        linux.devices = devices.nodes
        linux.resources = try ResourcesBuilder(host: host, settings: settings).build(request.config.linux.resources)
        linux.resources?.devices = devices.rules
        linux.rootfsPropagation = rootPropagation(request)
        if !request.isPrivileged {
            linux.maskedPaths = MaskedPaths.resolved(request.security.maskedPaths)
            linux.readonlyPaths = request.security.readonlyPaths
        }
        if host.seccomp, let profile = request.isPrivileged ? settings.privilegedSeccomp : request.seccomp {
            linux.seccomp = profile.resolved(capabilities: try capabilities(request).bounding ?? [])
        }
        if !request.namespaces.uidMappings.isEmpty {
            linux.uidMappings = request.namespaces.uidMappings.map(Spec.IDMapping.init)
            linux.gidMappings = request.namespaces.gidMappings.map(Spec.IDMapping.init)
        }
        linux.mountLabel = request.labels.file
        return linux
    }

    /// What the container's root must be for its mounts to pass and take what they ask for; nil for the runtime's default.
    private func rootPropagation(_ request: SpecRequest) -> String? {
        let wanted = Set(request.mounts.map(\.mount.propagation))
        if wanted.contains(.propagationBidirectional) { return "rshared" }
        return wanted.contains(.propagationHostToContainer) ? "rslave" : nil
    }

    /// The pod's pinned namespaces are joined; a mount namespace is the container's own.
    private func namespaces(_ request: SpecRequest) -> [Spec.Namespace] {
        var list = [Spec.Namespace(type: "mount")]
        switch request.pidNamespace {
        case .container: list.append(.init(type: "pid"))
        case .shared(let path): list.append(.init(type: "pid", path: path))
        case .node: break
        }
        if let path = request.namespaces.net { list.append(.init(type: "network", path: path)) }
        if let path = request.namespaces.ipc { list.append(.init(type: "ipc", path: path)) }
        if let path = request.namespaces.uts { list.append(.init(type: "uts", path: path)) }
        if let path = request.namespaces.user { list.append(.init(type: "user", path: path)) }
        if host.cgroupV2, !request.isPrivileged { list.append(.init(type: "cgroup")) }
        return list
    }

    private func process(_ request: SpecRequest) throws(SpecError) -> Spec.Process {
        var process = Spec.Process()
        process.terminal = request.config.tty ? true : nil
        process.args = try commandLine(request.config, image: request.image.config)
        process.env = EnvironmentBuilder(settings: settings).build(request)
        process.cwd = request.config.workingDir.nonEmpty ?? request.image.config?.workingDir?.nonEmpty ?? "/"
        var user = request.user
        user.umask = try request.allowedAnnotations.umask()
        process.user = user.specification
        process.capabilities = try capabilities(request)
        process.noNewPrivileges = request.security.noNewPrivs
        process.oomScoreAdj = ResourcesBuilder(host: host, settings: settings).score(request.config.linux.resources)
        process.rlimits = settings.defaultLimits.isEmpty ? nil : settings.defaultLimits
        process.apparmorProfile = try appArmorProfile(of: request.security)
        process.selinuxLabel = request.labels.process
        return process
    }

    /// The AppArmor profile of a container by name; nil for none.
    /// - Throws: `SpecError` for what is no profile, and where the host cannot have the one asked for.
    public func appArmorProfile(of context: Runtime_V1_LinuxContainerSecurityContext) throws(SpecError) -> String? {
        try AppArmorProfile(context).name(on: host, defaultName: settings.appArmorProfile)
    }

    private func capabilities(_ request: SpecRequest) throws(SpecError) -> Spec.Capabilities {
        try CapabilitySet(
            defaults: settings.defaultCapabilities, bounding: host.boundingSet, inheritable: settings.inheritableCapabilities
        )
        .resolve(request.security.capabilities, privileged: request.isPrivileged)
    }
}

/// The program and its arguments: the request's command and arguments over the image's, as Kubernetes defines it.
private func commandLine(
    _ config: Runtime_V1_ContainerConfig, image: ImageConfiguration.Execution?
) throws(SpecError) -> [String] {
    let entrypoint = config.command.isEmpty ? image?.entrypoint ?? [] : config.command
    // A command of the request's own makes the image's arguments meaningless.
    let arguments = config.args.isEmpty && config.command.isEmpty ? image?.cmd ?? [] : config.args
    let line = entrypoint + arguments
    guard !line.isEmpty else {
        throw .invalid("no command: neither the container's configuration nor its image names one")
    }
    return line
}

extension String {
    var nonEmpty: String? { isEmpty ? nil : self }
}
