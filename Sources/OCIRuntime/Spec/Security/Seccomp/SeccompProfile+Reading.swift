import FoundationEssentials
import OCI

extension SeccompProfile {
    /// Reads a profile of JSON.
    /// - Parameter source: the file's name, for the message.
    /// - Throws: `SpecError.invalid` for what is no profile; `.unsupported` for the notify action, which needs an agent.
    public init(json: [UInt8], source: String) throws(SpecError) {
        do {
            self = try JSONDecoder().decode(SeccompProfile.self, from: Data(json))
        } catch {
            throw .invalid("the seccomp profile \(source) cannot be read: \(error)")
        }
        do { try validate() } catch {
            switch error {
            case .invalid(let text): throw .invalid("the seccomp profile \(source) \(text)")
            case .unsupported(let text): throw .unsupported("the seccomp profile \(source) \(text)")
            }
        }
    }

    /// What the runtime would refuse later, or take for something else.
    private func validate() throws(SpecError) {
        let rules = syscalls ?? []
        for action in [defaultAction] + rules.map(\.action) where !Self.actions.contains(action) {
            if action == "SCMP_ACT_NOTIFY" {
                throw .unsupported("uses SCMP_ACT_NOTIFY, which needs an agent that is not configured")
            }
            throw .invalid("has the unknown action '\(action)'")
        }
        if architectures?.nonEmpty != nil, archMap?.nonEmpty != nil {
            throw .invalid("has both 'architectures' and 'archMap'; only one of them can hold")
        }
        for name in architectures ?? [] where !Self.architectureNames.contains(name) {
            throw .invalid("has the unknown architecture '\(name)'")
        }
        for flag in flags ?? [] where !Self.flagNames.contains(flag) { throw .invalid("has the unknown flag '\(flag)'") }
        try Self.checkError(defaultErrno)
        for rule in rules { try rule.validate() }
    }

    fileprivate static func checkError(_ text: String?) throws(SpecError) {
        guard let text = text?.nonEmpty, ErrorNumber.value(text) == nil else { return }
        throw .invalid("has the unknown error '\(text)'; see errno(3) for the names")
    }

    private static let actions: Set<String> = [
        "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE",
        "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",
    ]

    private static let flagNames: Set<String> = [
        "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    ]

    /// config-linux.md "Seccomp".
    private static let architectureNames: Set<String> = Set(
        [
            "X86", "X86_64", "X32", "ARM", "AARCH64", "MIPS", "MIPS64", "MIPS64N32", "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC", "PPC64",
            "PPC64LE", "S390", "S390X", "PARISC", "PARISC64", "RISCV64", "LOONGARCH64", "M68K", "SH", "SHEB",
        ].map { "SCMP_ARCH_" + $0 })
}

extension SeccompProfile.Rule {
    fileprivate func validate() throws(SpecError) {
        if name?.nonEmpty != nil, names?.nonEmpty != nil {
            throw .invalid("has a rule with both 'name' (\(name ?? "")) and 'names'; only one of them can hold")
        }
        try SeccompProfile.checkError(errno)
        for argument in args ?? [] {
            guard argument.index < 6 else {
                throw .invalid("compares the argument \(argument.index) of \(subject); a system call has the arguments 0 to 5")
            }
            guard Self.operators.contains(argument.op) else {
                throw .invalid("compares an argument of \(subject) by the unknown operator '\(argument.op)'")
            }
        }
        for condition in [includes, excludes].compactMap(\.self) {
            guard let version = condition.minKernel?.nonEmpty, condition.kernel == nil else { continue }
            throw .invalid("has the minKernel '\(version)' at \(subject), which is not MAJOR.MINOR")
        }
    }

    private var subject: String { name?.nonEmpty ?? names?.first ?? "a rule without names" }

    private static let operators: Set<String> = [
        "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
    ]
}
