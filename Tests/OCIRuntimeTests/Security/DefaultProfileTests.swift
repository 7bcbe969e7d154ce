import Glibc
import OCI
import Testing

@testable import OCIRuntime

@Suite struct DefaultProfileTests {
    private let profile = SeccompProfile.runtimeDefault

    /// Names that a container with these capabilities may call, whatever the arguments.
    private func allowed(_ capabilities: [String], conditional: Bool = false) -> Set<String> {
        let rules = profile.resolved(capabilities: capabilities).syscalls ?? []
        return Set(rules.filter { $0.action == "SCMP_ACT_ALLOW" && (conditional || $0.args == nil) }.flatMap(\.names))
    }

    @Test func nothingIsAllowedThatTheContainersToolsDoNotAllow() {
        let ours = allowed([], conditional: true)
        #expect(ours.subtracting(ReferenceProfile.always).subtracting(ReferenceProfile.conditional) == [])
        for capability in CapabilitySet.all {
            let gained = allowed([capability], conditional: true).subtracting(ours).subtracting(ReferenceProfile.always)
            for name in gained { #expect(ReferenceProfile.withCapability[name]?.contains(capability) == true, "\(name) with \(capability)") }
        }
        let everything = allowed(CapabilitySet.all, conditional: true)
        let theirs = ReferenceProfile.always.union(ReferenceProfile.withCapability.keys).union(ReferenceProfile.conditional)
        #expect(everything.subtracting(theirs) == [])
    }

    @Test func whatIsRefusedBesidesIsRefusedForAReason() {
        // Calls that need a capability anyway, or that the kernel does not confine to a container.
        #expect(
            ReferenceProfile.always.subtracting(allowed([])) == [
                "clone", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "keyctl", "mount", "mount_setattr",
                "move_mount", "open_tree", "pivot_root", "reboot", "setns", "syslog", "umount", "umount2", "unshare",
            ])
        // With all capabilities only the keys remain out of reach.
        let everything = allowed(CapabilitySet.all)
        #expect(ReferenceProfile.always.subtracting(everything) == ["keyctl"])
        #expect(Set(ReferenceProfile.withCapability.keys).subtracting(everything) == [])
    }

    @Test func theKernelDecidesAsMeant() throws {
        let filter = try SeccompFilter(profile.resolved(capabilities: []))
        for name in ["read", "openat", "execve", "ptrace", "futex", "epoll_wait", "statx", "faccessat2", "prctl", "seccomp", "landlock_restrict_self"] {
            #expect(filter.error(of: name) == nil, "\(name)")
        }
        for name in [
            "mount", "umount2", "unshare", "setns", "bpf", "perf_event_open", "init_module", "reboot", "kexec_load", "keyctl", "add_key",
            "open_by_handle_at", "userfaultfd", "move_mount", "fsopen", "swapon", "acct", "settimeofday", "iopl", "chroot", "syslog",
            "process_madvise",
        ] {
            #expect(filter.error(of: name) == EPERM, "\(name)")
        }
        // What libraries try first and fall back from.
        for name in ["clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"] { #expect(filter.error(of: name) == ENOSYS, "\(name)") }
    }

    @Test func namespacesAreNotMadeByFlags() throws {
        let filter = try SeccompFilter(profile.resolved(capabilities: []))
        let thread: UInt64 = 0x003d_0f00
        let child: UInt64 = 0x0120_0011
        #expect(filter.error(of: "clone", thread) == nil && filter.error(of: "clone", child) == nil)
        for flag: UInt64 in [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000, 0x7e02_0000] {
            #expect(filter.error(of: "clone", flag | child) == EPERM, "flag \(String(flag, radix: 16))")
        }
        let admin = try SeccompFilter(profile.resolved(capabilities: ["CAP_SYS_ADMIN"]))
        for name in ["clone", "clone3", "unshare", "setns", "mount", "bpf", "perf_event_open"] {
            #expect(admin.error(of: name, 0x7e02_0000) == nil, "\(name)")
        }
    }

    @Test func socketsByFamily() throws {
        let filter = try SeccompFilter(profile.resolved(capabilities: []))
        let (unix, inet, netlink, packet, xdp, vsock, audit): (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (1, 2, 16, 17, 44, 40, 9)
        for family in [unix, inet, packet, 29, 39, xdp] { #expect(filter.error(of: "socket", family, 1, 0) == nil, "family \(family)") }
        #expect(filter.error(of: "socket", vsock, 1, 0) == EPERM)
        #expect(filter.error(of: "socket", netlink, 3, 0) == nil)
        #expect(filter.error(of: "socket", netlink, 3, audit) == EINVAL)
        #expect(filter.error(of: "socket", inet, 1, audit) == nil)
        let auditor = try SeccompFilter(profile.resolved(capabilities: ["CAP_AUDIT_WRITE"]))
        #expect(auditor.error(of: "socket", netlink, 3, audit) == nil && auditor.error(of: "socket", vsock, 1, 0) == EPERM)
    }

    @Test func personalitiesThatLoosenNothing() throws {
        let filter = try SeccompFilter(profile.resolved(capabilities: []))
        for value: UInt64 in [0, 8, 0x20000, 0x20008, 0xffff_ffff] { #expect(filter.error(of: "personality", value) == nil) }
        // ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC.
        for value: UInt64 in [0x4_0000, 0x40_0000] { #expect(filter.error(of: "personality", value) == ENOSYS) }
    }

    @Test func capabilitiesOfTheirOwnOpenTheirCallsAlone() throws {
        for (name, capability) in [
            ("bpf", "CAP_BPF"), ("perf_event_open", "CAP_PERFMON"), ("chroot", "CAP_SYS_CHROOT"), ("syslog", "CAP_SYSLOG"),
            ("reboot", "CAP_SYS_BOOT"), ("open_by_handle_at", "CAP_DAC_READ_SEARCH"), ("settimeofday", "CAP_SYS_TIME"),
        ] {
            let filter = try SeccompFilter(profile.resolved(capabilities: [capability]))
            #expect(filter.error(of: name) == nil, "\(name) with \(capability)")
            #expect(filter.error(of: "mount") == EPERM)
        }
    }

    @Test func noRuleComparesAnArgumentTwice() {
        // libseccomp takes one comparison an argument; a second would be dropped or make the rule an alternative.
        for rule in profile.syscalls ?? [] {
            let indices = (rule.args ?? []).map(\.index)
            #expect(Set(indices).count == indices.count)
        }
    }
}
