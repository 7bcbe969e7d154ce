import CRI

/// The seccomp profile that the CRI asks for, in its present field or its deprecated one.
public enum SeccompChoice: Sendable, Equatable {
    /// Nothing is asked for: no confinement by the CRI, the default profile where the configuration wants that.
    case unset
    case runtimeDefault
    case unconfined
    /// A file of this host, by its absolute path.
    case localhost(String)

    /// - Parameters:
    ///   - profile: nil where the field is not set; then the deprecated one counts.
    ///   - path: `runtime/default`, `unconfined`, `localhost/PATH` or empty.
    /// - Throws: `SpecError.invalid` for what is no profile.
    public init(_ profile: Runtime_V1_SecurityProfile?, deprecated path: String) throws(SpecError) {
        if let profile {
            switch profile.profileType {
            case .runtimeDefault: self = .runtimeDefault
            case .unconfined: self = .unconfined
            case .localhost: self = .localhost(try Self.file(profile.localhostRef))
            case .UNRECOGNIZED(let value): throw .invalid("the seccomp profile type \(value) is not known")
            }
            return
        }
        switch path {
        case "": self = .unset
        case "runtime/default", "docker/default": self = .runtimeDefault
        case "unconfined": self = .unconfined
        default:
            guard path.hasPrefix(Self.prefix) else {
                throw .invalid("the seccomp profile '\(path)' is none of runtime/default, unconfined and localhost/PATH")
            }
            self = .localhost(try Self.file(path))
        }
    }

    public init(_ context: Runtime_V1_LinuxContainerSecurityContext) throws(SpecError) {
        try self.init(context.hasSeccomp ? context.seccomp : nil, deprecated: context.seccompProfilePath)
    }

    public init(_ context: Runtime_V1_LinuxSandboxSecurityContext) throws(SpecError) {
        try self.init(context.hasSeccomp ? context.seccomp : nil, deprecated: context.seccompProfilePath)
    }

    private static let prefix = "localhost/"

    private static func file(_ reference: String) throws(SpecError) -> String {
        let path = reference.hasPrefix(prefix) ? String(reference.dropFirst(prefix.count)) : reference
        guard path.hasPrefix("/") else {
            throw .invalid("the seccomp profile '\(reference)' of type Localhost is no absolute path: the kubelet gives those below its root")
        }
        return path
    }
}
