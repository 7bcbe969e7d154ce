import CRI
import Linux
import OCIRuntime

// What confines a container beside its namespaces and capabilities: seccomp, AppArmor, SELinux.
extension Node {
    /// Checks what the pod's own security context says. A pod has no process of its own to confine, but what cannot be
    /// must not be accepted either.
    /// - Throws: `SpecError`, `NodeError`.
    func checkConfinement(ofPod context: Runtime_V1_LinuxSandboxSecurityContext) async throws {
        if context.hasRunAsGroup, !context.hasRunAsUser {
            throw NodeError.invalidArgument("the pod's security context has runAsGroup without runAsUser: set both")
        }
        _ = try await seccompProfile(try SeccompChoice(context))
        guard context.hasApparmor else { return }
        var container = Runtime_V1_LinuxContainerSecurityContext()
        container.apparmor = context.apparmor
        try await checkAppArmor(container)
    }

    /// The security context of a container against that of its pod, and the AppArmor profile that it asks for.
    /// - Throws: `SpecError`, `NodeError`.
    func checkConfinement(of context: Runtime_V1_LinuxContainerSecurityContext, in pod: PodRecord) async throws {
        // CRI, LinuxSandboxSecurityContext.privileged.
        guard !context.privileged || pod.config.linux.securityContext.privileged else {
            throw NodeError.invalidArgument(
                "the container is privileged and its pod \(pod.id.prefix(13)) is not: RunPodSandbox has to say that it will hold privileged ones")
        }
        try await checkAppArmor(context)
    }

    private func checkAppArmor(_ context: Runtime_V1_LinuxContainerSecurityContext) async throws {
        guard let name = try specs.appArmorProfile(of: context) else { return }
        try await settings.appArmor.require(name)
    }

    /// The seccomp profile that a request asks for; nil for none.
    /// - Throws: `SpecError`, `NodeError` where a profile's file cannot be read.
    func seccompProfile(_ choice: SeccompChoice) async throws -> SeccompProfile? {
        switch choice {
        case .unset: return settings.seccompUsedWhenUnset ? settings.seccompProfile : nil
        case .runtimeDefault: return settings.seccompProfile
        case .unconfined: return nil
        case .localhost(let path):
            guard settings.host.seccomp else {
                throw NodeError.failedPrecondition("the seccomp profile \(path) is asked for and this host's kernel has no seccomp")
            }
            let bytes: [UInt8]
            do { bytes = try await BlockingPool.shared.run { try Files.readBytes(path) } } catch {
                throw NodeError.invalidArgument("the seccomp profile \(path) cannot be read: \(error)")
            }
            return try SeccompProfile(json: bytes, source: path)
        }
    }

    /// The labels that a new pod's containers start from, with a level of the pod's own; nil where labels are not in use.
    /// The level is held for the pod until `release` is called: by then its record tells of it.
    /// - Throws: `SpecError`.
    func podLabels(_ config: Runtime_V1_PodSandboxConfig) throws -> SELinuxLabels? {
        guard let policy = settings.selinux else { return nil }
        let options = config.linux.securityContext.selinuxOptions
        guard options.level.isEmpty, policy.process.level != nil else { return try policy.labels(pod: options, level: options.level) }
        let taken = Set(inventory.pods().compactMap { $0.labels?.process.level })
        let level = try levelsUnderWay.withLock { underWay throws(SpecError) in
            var generator = SystemRandomNumberGenerator()
            let level = try SELinuxLevel.unique(except: taken.union(underWay), using: &generator)
            underWay.insert(level)
            return level
        }
        do {
            return try policy.labels(pod: options, level: level)
        } catch {
            levelsUnderWay.withLock { _ = $0.remove(level) }
            throw error
        }
    }

    /// Lets go of a level that a pod's record now holds, or that no pod came to need.
    func release(_ labels: SELinuxLabels?) {
        guard let level = labels?.process.level else { return }
        levelsUnderWay.withLock { _ = $0.remove(level) }
    }

    /// The labels of a container; empty where labels are not in use.
    /// - Throws: `SpecError.invalid` for options that are no parts of a context.
    func labels(of container: ContainerRecord, in pod: PodRecord) throws -> ContainerLabels {
        guard let policy = settings.selinux, let labels = pod.labels else { return ContainerLabels() }
        return try labels.container(container.config.linux.securityContext, policy: policy)
    }

    /// Gives the volumes that ask for it the container's label. Blocks.
    static func relabel(_ mounts: [ResolvedMount], _ labels: ContainerLabels, _ annotations: AllowedAnnotations) throws {
        guard let label = labels.file, labels.relabels else { return }
        let relabeling = Relabeling(label: label, trustsTop: annotations.isTrue(.trySkipVolumeSELinuxLabel))
        for mount in mounts where mount.mount.selinuxRelabel && mount.mount.image.image.isEmpty { try relabeling.run(mount.source) }
    }

    /// The pod's annotations that its handler lets through.
    func allowedAnnotations(of pod: PodRecord) throws -> AllowedAnnotations {
        AllowedAnnotations(try annotatedConfiguration(of: pod).annotations, allowed: allowedPrefixes(of: pod))
    }
}
