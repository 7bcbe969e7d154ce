import CRI

/// SELinux labels, `user:role:type:level`; parts that the request leaves out are the containers policy's.
enum SELinuxLabel {
    static func process(_ options: Runtime_V1_SELinuxOption) -> String { label(options, role: "system_r", type: "container_t") }
    /// The label of files that the container's processes may use: the level is what ties them.
    static func file(_ options: Runtime_V1_SELinuxOption) -> String {
        let level = options.level.nonEmpty ?? "s0"
        return "system_u:object_r:container_file_t:\(level)"
    }

    private static func label(_ options: Runtime_V1_SELinuxOption, role: String, type: String) -> String {
        [
            options.user.nonEmpty ?? "system_u", options.role.nonEmpty ?? role, options.type.nonEmpty ?? type,
            options.level.nonEmpty ?? "s0",
        ].joined(separator: ":")
    }
}

/// The AppArmor profile that a container runs under.
enum AppArmorProfile {
    /// Nil for none.
    /// - Throws: `SpecError` where a profile is asked for by name and the host has no AppArmor.
    static func name(_ context: Runtime_V1_LinuxContainerSecurityContext, host: SpecHost) throws(SpecError) -> String? {
        guard context.hasApparmor else { return nil }
        switch context.apparmor.profileType {
        case .unconfined, .UNRECOGNIZED: return host.appArmor ? "unconfined" : nil
        case .runtimeDefault: return nil
        case .localhost:
            guard host.appArmor else {
                throw .unsupported(
                    "the AppArmor profile \(context.apparmor.localhostRef) is asked for and this host has no AppArmor enabled")
            }
            return context.apparmor.localhostRef
        }
    }
}
