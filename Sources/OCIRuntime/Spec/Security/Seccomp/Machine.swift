import Glibc

/// A kernel's version as far as profiles speak of it.
struct KernelVersion: Sendable, Comparable {
    let major: Int
    let minor: Int

    init(_ major: Int, _ minor: Int) { (self.major, self.minor) = (major, minor) }

    /// Reads `4.8`, or a release as uname(2) gives it, `6.1.0-18-amd64`; nil for anything else.
    init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix { $0.isNumber }) else { return nil }
        self.init(major, minor)
    }

    static func < (one: Self, other: Self) -> Bool { (one.major, one.minor) < (other.major, other.minor) }
}

/// The processor and the kernel that a profile is resolved for.
struct Machine: Sendable {
    /// As profiles name it: `amd64`.
    var architecture: String
    var kernel: KernelVersion

    /// As libseccomp names it.
    var seccompName: String {
        switch architecture {
        case "amd64": "SCMP_ARCH_X86_64"
        case "arm64": "SCMP_ARCH_AARCH64"
        default: "SCMP_ARCH_\(architecture.uppercased())"
        }
    }

    static let current: Machine = {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        // A kernel whose release is not understood gets the rules of the oldest.
        return Machine(architecture: hostArchitecture, kernel: KernelVersion(release) ?? KernelVersion(0, 0))
    }()

    #if arch(x86_64)
        private static let hostArchitecture = "amd64"
    #elseif arch(arm64)
        private static let hostArchitecture = "arm64"
    #else
        private static let hostArchitecture = "unknown"
    #endif
}
