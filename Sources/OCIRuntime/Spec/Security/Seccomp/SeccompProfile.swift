import OCI

/// A seccomp profile as the containers tools write it: rules that hold only with certain capabilities, on certain
/// architectures or from some kernel on, resolved for one container by `resolved`.
public struct SeccompProfile: Codable, Sendable, Equatable {
    public var defaultAction: String
    public var defaultErrnoRet: UInt?
    /// A name, `EPERM`, or a number; it wins over `defaultErrnoRet`.
    public var defaultErrno: String?
    public var architectures: [String]?
    public var archMap: [ArchitectureMap]?
    public var flags: [String]?
    public var syscalls: [Rule]?

    public struct ArchitectureMap: Codable, Sendable, Equatable {
        public var architecture: String
        public var subArchitectures: [String]?
    }

    public struct Rule: Codable, Sendable, Equatable {
        public var names: [String]?
        public var name: String?
        public var action: String
        public var errnoRet: UInt?
        /// A name, `EPERM`, or a number; it wins over `errnoRet`.
        public var errno: String?
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
        /// `MAJOR.MINOR`.
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

    /// The rules that hold for a container with these capabilities on this host. Which names a kernel's calls have is the
    /// runtime's business: it passes over those that its libseccomp does not know. The filter always covers the processor's
    /// own architecture, in the list or not, as libseccomp begins with it.
    func resolved(capabilities: [String], on machine: Machine = .current) -> Spec.Seccomp {
        var result = Spec.Seccomp(defaultAction: defaultAction)
        result.defaultErrnoRet = ErrorNumber.value(defaultErrno) ?? defaultErrnoRet
        result.flags = flags
        result.architectures =
            architectures?.nonEmpty
            ?? archMap?.first { $0.architecture == machine.seccompName }.map { [$0.architecture] + ($0.subArchitectures ?? []) }
        let owned = Set(capabilities)
        result.syscalls = (syscalls ?? []).compactMap { rule in
            guard rule.holds(owned, machine) else { return nil }
            let names = (rule.names ?? []) + [rule.name].compactMap(\.self)
            guard !names.isEmpty else { return nil }
            return .init(
                names: names, action: rule.action, errnoRet: ErrorNumber.value(rule.errno) ?? rule.errnoRet, args: rule.args?.nonEmpty)
        }
        return result
    }
}

extension SeccompProfile.Rule {
    fileprivate func holds(_ capabilities: Set<String>, _ machine: Machine) -> Bool {
        if let includes {
            if let caps = includes.caps, !caps.allSatisfy(capabilities.contains) { return false }
            if let arches = includes.arches, !arches.isEmpty, !arches.contains(machine.architecture) { return false }
            if let version = includes.kernel, machine.kernel < version { return false }
        }
        if let excludes {
            if let caps = excludes.caps, caps.contains(where: capabilities.contains) { return false }
            if let arches = excludes.arches, arches.contains(machine.architecture) { return false }
            if let version = excludes.kernel, machine.kernel >= version { return false }
        }
        return true
    }
}

extension SeccompProfile.Condition {
    /// `minKernel`; nil where there is none, and for what is no version, which validation refuses.
    var kernel: KernelVersion? { minKernel?.nonEmpty.flatMap { KernelVersion($0) } }
}

extension Array {
    var nonEmpty: Self? { isEmpty ? nil : self }
}
