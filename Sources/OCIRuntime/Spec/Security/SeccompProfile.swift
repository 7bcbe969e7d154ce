import FoundationEssentials
import OCI

/// A seccomp profile as the containers tools write it: rules that hold only with certain capabilities or on certain
/// architectures, resolved for one container by `resolved`.
public struct SeccompProfile: Codable, Sendable, Equatable {
    public var defaultAction: String
    public var defaultErrnoRet: UInt?
    public var architectures: [String]?
    public var archMap: [ArchitectureMap]?
    public var flags: [String]?
    public var syscalls: [Rule]?
    public var listenerPath: String?

    public struct ArchitectureMap: Codable, Sendable, Equatable {
        public var architecture: String
        public var subArchitectures: [String]?
    }

    public struct Rule: Codable, Sendable, Equatable {
        public var names: [String]?
        public var name: String?
        public var action: String
        public var errnoRet: UInt?
        public var args: [Spec.Seccomp.Argument]?
        public var includes: Condition?
        public var excludes: Condition?

        public init(
            _ names: [String], action: String, errnoRet: UInt? = nil, args: [Spec.Seccomp.Argument]? = nil,
            includes: Condition? = nil, excludes: Condition? = nil
        ) {
            self.names = names
            self.action = action
            self.errnoRet = errnoRet
            self.args = args
            self.includes = includes
            self.excludes = excludes
        }
    }

    public struct Condition: Codable, Sendable, Equatable {
        public var caps: [String]?
        public var arches: [String]?
        public var minKernel: String?

        public init(caps: [String]? = nil, arches: [String]? = nil) {
            self.caps = caps
            self.arches = arches
        }
    }

    public init(defaultAction: String, defaultErrnoRet: UInt?, archMap: [ArchitectureMap]?, syscalls: [Rule]) {
        self.defaultAction = defaultAction
        self.defaultErrnoRet = defaultErrnoRet
        self.archMap = archMap
        self.syscalls = syscalls
    }

    /// Reads a profile of JSON.
    /// - Parameter source: the file's name, for the message.
    /// - Throws: `SpecError.invalid` for what is no profile; `.unsupported` for the notify action, which needs an agent.
    public init(json: [UInt8], source: String) throws(SpecError) {
        do {
            self = try JSONDecoder().decode(SeccompProfile.self, from: Data(json))
        } catch {
            throw .invalid("the seccomp profile \(source) cannot be read: \(error)")
        }
        let actions = [defaultAction] + (syscalls ?? []).map(\.action)
        for action in actions where !Self.actions.contains(action) {
            if action == "SCMP_ACT_NOTIFY" {
                throw .unsupported("the seccomp profile \(source) uses SCMP_ACT_NOTIFY, which needs an agent that is not configured")
            }
            throw .invalid("the seccomp profile \(source) has the unknown action '\(action)'")
        }
    }

    private static let actions: Set<String> = [
        "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE",
        "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",
    ]

    /// The rules that hold for a container with these capabilities on this processor.
    func resolved(capabilities: [String], architecture: String = Self.hostArchitecture) -> Spec.Seccomp {
        var result = Spec.Seccomp(defaultAction: defaultAction)
        result.defaultErrnoRet = defaultErrnoRet
        result.flags = flags
        result.architectures =
            architectures
            ?? archMap?.first { $0.architecture == Self.name(architecture) }.map {
                [$0.architecture] + ($0.subArchitectures ?? [])
            }
        let owned = Set(capabilities)
        result.syscalls = (syscalls ?? []).compactMap { rule in
            guard rule.holds(owned, architecture) else { return nil }
            let names = (rule.names ?? []) + [rule.name].compactMap(\.self)
            let args = rule.args ?? []
            return .init(names: names, action: rule.action, errnoRet: rule.errnoRet, args: args.isEmpty ? nil : args)
        }
        return result
    }

    #if arch(x86_64)
        static let hostArchitecture = "amd64"
    #elseif arch(arm64)
        static let hostArchitecture = "arm64"
    #else
        static let hostArchitecture = "unknown"
    #endif

    private static func name(_ architecture: String) -> String {
        switch architecture {
        case "amd64": "SCMP_ARCH_X86_64"
        case "arm64": "SCMP_ARCH_AARCH64"
        default: "SCMP_ARCH_\(architecture.uppercased())"
        }
    }
}

extension SeccompProfile.Rule {
    fileprivate func holds(_ capabilities: Set<String>, _ architecture: String) -> Bool {
        if let includes {
            if let caps = includes.caps, !caps.allSatisfy(capabilities.contains) { return false }
            if let arches = includes.arches, !arches.isEmpty, !arches.contains(architecture) { return false }
        }
        if let excludes {
            if let caps = excludes.caps, caps.contains(where: capabilities.contains) { return false }
            if let arches = excludes.arches, arches.contains(architecture) { return false }
        }
        return true
    }
}
