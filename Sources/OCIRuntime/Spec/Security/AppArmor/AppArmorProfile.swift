import CRI

/// The AppArmor profile that a container runs under: what the CRI asks for, in its present field or its deprecated one.
public enum AppArmorProfile: Sendable, Equatable {
    /// The node's default one.
    case runtimeDefault
    case unconfined
    /// One that was loaded into the kernel before, by name.
    case localhost(String)

    /// The name of the profile that swiftlet makes itself, for `apparmor_profile` of `[crio.runtime]`.
    public static let standardName = "swiftlet-default"
    /// The name under which the kernel knows the absence of confinement.
    public static let unconfinedName = "unconfined"

    /// What a container's security context asks for. Kubernetes wants the default where nothing is said, but for privileged
    /// containers, which are confined only on request.
    /// - Throws: `SpecError.invalid` for what is no profile.
    init(_ context: Runtime_V1_LinuxContainerSecurityContext) throws(SpecError) {
        if context.hasApparmor {
            self = try Self.read(context.apparmor)
        } else {
            self = try Self.read(text: context.apparmorProfile) ?? (context.privileged ? .unconfined : .runtimeDefault)
        }
    }

    /// CRI, SecurityProfile.
    static func read(_ profile: Runtime_V1_SecurityProfile) throws(SpecError) -> AppArmorProfile {
        switch profile.profileType {
        case .runtimeDefault: return .runtimeDefault
        case .unconfined: return .unconfined
        case .localhost: return .localhost(try checked(profile.localhostRef))
        case .UNRECOGNIZED(let value): throw .invalid("the AppArmor profile type \(value) is not known")
        }
    }

    /// CRI, LinuxContainerSecurityContext.apparmor_profile: `runtime/default`, `unconfined`, `localhost/NAME`; nil for nothing.
    private static func read(text: String) throws(SpecError) -> AppArmorProfile? {
        switch text {
        case "": return nil
        case "runtime/default": return .runtimeDefault
        case unconfinedName: return .unconfined
        default:
            guard text.hasPrefix(localhostPrefix) else {
                throw .invalid("the AppArmor profile '\(text)' is none of runtime/default, unconfined and localhost/NAME")
            }
            return .localhost(try checked(text))
        }
    }

    private static let localhostPrefix = "localhost/"

    /// A profile's name, which the kernel gets as part of a line.
    private static func checked(_ reference: String) throws(SpecError) -> String {
        let name = reference.hasPrefix(localhostPrefix) ? String(reference.dropFirst(localhostPrefix.count)) : reference
        guard !name.isEmpty else { throw .invalid("the AppArmor profile of type Localhost has no name (localhost_ref)") }
        guard !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
            throw .invalid("the AppArmor profile's name \(name.debugDescription) has control characters")
        }
        return name
    }

    /// The name for the runtime; nil where the host has no AppArmor and nothing is lost by that.
    /// - Parameter defaultName: the profile of `.runtimeDefault`.
    /// - Throws: `SpecError.unsupported` where a profile is asked for by name and the host has no AppArmor.
    func name(on host: SpecHost, defaultName: String) throws(SpecError) -> String? {
        switch self {
        case .runtimeDefault: return host.appArmor ? defaultName : nil
        case .unconfined: return host.appArmor ? Self.unconfinedName : nil
        case .localhost(let name):
            guard host.appArmor else {
                throw .unsupported(
                    "the AppArmor profile \(name) is asked for and this host has no AppArmor enabled: run the pod on a node that has")
            }
            return name
        }
    }
}
