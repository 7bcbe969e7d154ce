import CRI
import OCI

/// A container's capabilities: the default ones, with those of the request added and dropped.
public struct CapabilitySet: Sendable {
    let defaults: [String]
    /// What the daemon itself may have: no container can get more.
    let bounding: [String]
    /// Whether all of them are inheritable, too.
    var inheritable = false

    /// CRI-O's default set.
    public static let standard = [
        "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "KILL",
    ]

    /// All that capabilities(7) knows, by number.
    public static let all = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE",
        "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
        "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
        "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ].map { "CAP_" + $0 }

    /// - Throws: `SpecError.invalid` for a name that is no capability.
    func resolve(_ request: Runtime_V1_Capability, privileged: Bool) throws(SpecError) -> Spec.Capabilities {
        var names = Set(privileged ? Self.all : defaults.map(Self.normalized))
        if !privileged {
            if Self.hasAll(request.addCapabilities) { names = Set(Self.all) }
            if Self.hasAll(request.dropCapabilities) { names = [] }
            for name in request.addCapabilities where !Self.isAll(name) { names.insert(try Self.checked(name)) }
            for name in request.dropCapabilities where !Self.isAll(name) { names.remove(try Self.checked(name)) }
        }
        var ambient: Set<String> = []
        for name in request.addAmbientCapabilities {
            if Self.isAll(name) { ambient.formUnion(Self.all) } else { ambient.insert(try Self.checked(name)) }
        }
        names.formUnion(ambient)
        return sets(names, ambient: ambient)
    }

    private func sets(_ names: Set<String>, ambient: Set<String>) -> Spec.Capabilities {
        let possible = Set(bounding)
        func ordered(_ set: Set<String>) -> [String] { Self.all.filter { set.contains($0) && possible.contains($0) } }
        var result = Spec.Capabilities()
        result.bounding = ordered(names)
        result.effective = ordered(names)
        result.permitted = ordered(names)
        // Ambient ones must be inheritable; otherwise nothing is, lest a file's inheritable set hand it on.
        result.inheritable = ordered(inheritable ? names : ambient)
        result.ambient = ordered(ambient)
        return result
    }

    /// - Throws: `SpecError.invalid` where one of the names, with or without CAP_, is no capability.
    public static func check(_ names: [String]) throws(SpecError) {
        for name in names { _ = try checked(name) }
    }

    static func normalized(_ name: String) -> String {
        let upper = name.uppercased()
        return upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
    }

    private static func checked(_ name: String) throws(SpecError) -> String {
        let full = normalized(name)
        guard all.contains(full) else { throw .invalid("'\(name)' is no capability: see capabilities(7) for the names") }
        return full
    }

    private static func isAll(_ name: String) -> Bool { normalized(name) == "CAP_ALL" }
    private static func hasAll(_ names: [String]) -> Bool { names.contains(where: isAll) }
}
