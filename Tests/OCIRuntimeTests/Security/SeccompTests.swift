import CRI
import OCI
import Testing

@testable import OCIRuntime

@Suite struct SeccompTests {
    private let amd64 = Machine(architecture: "amd64", kernel: KernelVersion(5, 10))
    private let arm64 = Machine(architecture: "arm64", kernel: KernelVersion(4, 7))

    private func profile(_ text: String) throws(SpecError) -> SeccompProfile { try SeccompProfile(json: Array(text.utf8), source: "f") }

    private func rules(_ rules: String, _ capabilities: [String] = [], on machine: Machine? = nil) throws -> [Spec.Seccomp.Syscall] {
        try profile(#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[\#(rules)]}"#)
            .resolved(capabilities: capabilities, on: machine ?? amd64).syscalls ?? []
    }

    @Test func conditionsOfCapabilityAndArchitecture() throws {
        let text = #"""
            {"names":["a"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_X"]}},
            {"name":"b","action":"SCMP_ACT_ALLOW","excludes":{"arches":["amd64"]}},
            {"names":["c"],"action":"SCMP_ACT_ALLOW","args":[],"includes":null,"comment":"of no meaning"},
            {"names":["d"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_X","CAP_Y"]}},
            {"names":["e"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_X","CAP_Z"]}},
            {"names":[],"action":"SCMP_ACT_ALLOW"}
            """#
        #expect(try rules(text).map(\.names) == [["c"], ["e"]])
        #expect(try rules(text)[0].args == nil)
        #expect(try rules(text, ["CAP_X"], on: arm64).map(\.names) == [["a"], ["b"], ["c"]])
        #expect(try rules(text, ["CAP_X", "CAP_Y"]).map(\.names) == [["a"], ["c"], ["d"]])
    }

    @Test func conditionsOfTheKernel() throws {
        let text = #"""
            {"names":["since"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8"}},
            {"names":["until"],"action":"SCMP_ACT_ALLOW","excludes":{"minKernel":"4.8"}},
            {"names":["always"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":""}}
            """#
        #expect(try rules(text).map(\.names) == [["since"], ["always"]])
        #expect(try rules(text, on: arm64).map(\.names) == [["until"], ["always"]])
        #expect(KernelVersion("6.1.0-18-amd64") == KernelVersion(6, 1) && KernelVersion(5, 10) > KernelVersion(5, 9))
        for bad in ["", "6", "x.y", "6.", ".1"] { #expect(KernelVersion(bad) == nil, "\(bad)") }
        #expect(KernelVersion(2, 6) < Machine.current.kernel)
    }

    @Test func architectures() throws {
        let mapped =
            #"{"defaultAction":"SCMP_ACT_ALLOW","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},{"architecture":"SCMP_ARCH_AARCH64"}]}"#
        #expect(try profile(mapped).resolved(capabilities: [], on: amd64).architectures == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
        #expect(try profile(mapped).resolved(capabilities: [], on: arm64).architectures == ["SCMP_ARCH_AARCH64"])
        let listed = #"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"archMap":[]}"#
        #expect(try profile(listed).resolved(capabilities: [], on: amd64).architectures == ["SCMP_ARCH_X86"])
        #expect(try profile(#"{"defaultAction":"SCMP_ACT_ALLOW"}"#).resolved(capabilities: [], on: amd64).architectures == nil)
    }

    @Test func errorsByNameAndByNumber() throws {
        let text = #"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"defaultErrno":"ENOSYS","flags":["SECCOMP_FILTER_FLAG_LOG"]}"#
        let resolved = try profile(text).resolved(capabilities: [], on: amd64)
        #expect(resolved.defaultErrnoRet == 38 && resolved.flags == ["SECCOMP_FILTER_FLAG_LOG"])
        let rules = try rules(
            #"{"names":["a"],"action":"SCMP_ACT_ERRNO","errno":"EPERM","errnoRet":9},{"names":["b"],"action":"SCMP_ACT_ERRNO","errno":"13"},{"names":["c"],"action":"SCMP_ACT_ERRNO","errno":"","errnoRet":9},{"names":["d"],"action":"SCMP_ACT_ERRNO","errno":"ENOTSUP"}"#
        )
        #expect(rules.map(\.errnoRet) == [1, 13, 9, 95])
    }

    @Test func everyOperatorAndTheLargestValues() throws {
        let operators = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].map { "SCMP_CMP_\($0)" }
        let args = operators.map { #"{"index":5,"value":18446744073709551615,"valueTwo":1,"op":"\#($0)"}"# }.joined(separator: ",")
        let rule = try rules(#"{"names":["a"],"action":"SCMP_ACT_ALLOW","args":[\#(args)]}"#)[0]
        #expect(rule.args?.map(\.op) == operators && rule.args?.first?.value == .max)
        #expect(try rules(#"{"names":["a"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]}"#)[0].args?[0].valueTwo == nil)
    }

    @Test func aRuleOfAFileReachesTheKernel() throws {
        let text = #"""
            {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
            {"names":["getcwd","no_such_call"],"action":"SCMP_ACT_ERRNO","errno":"EXDEV"},
            {"names":["kill"],"action":"SCMP_ACT_ERRNO","errnoRet":3,"args":[{"index":1,"value":9,"op":"SCMP_CMP_EQ"}]}]}
            """#
        let filter = try SeccompFilter(try profile(text).resolved(capabilities: []))
        #expect(filter.error(of: "getcwd") == 18 && filter.error(of: "read") == nil)
        #expect(filter.error(of: "kill", 1, 9) == 3 && filter.error(of: "kill", 1, 15) == nil)
    }

    @Test(arguments: [
        "", "[]", "{", #"{"syscalls":[]}"#, #"{"defaultAction":""}"#, #"{"defaultAction":"SCMP_ACT_MAYBE"}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86_64"}]}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["amd64"]}"#, #"{"defaultAction":"SCMP_ACT_ALLOW","flags":["FAST"]}"#,
        #"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"ENOPE"}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"name":"b","action":"SCMP_ACT_ALLOW"}]}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","errno":"5000"}]}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}]}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":0,"op":"=="}]}]}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW","excludes":{"minKernel":"new"}}]}"#,
    ])
    func whatIsNoProfileIsAnError(_ text: String) {
        #expect { try profile(text) } throws: { if case SpecError.invalid(let message) = $0 { message.contains("profile f") } else { false } }
    }

    @Test(arguments: [
        #"{"defaultAction":"SCMP_ACT_NOTIFY"}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/s","syscalls":[{"names":["a"],"action":"SCMP_ACT_NOTIFY"}]}"#,
    ])
    func notifyIsRefused(_ text: String) {
        #expect { try profile(text) } throws: { if case SpecError.unsupported(let message) = $0 { message.contains("SCMP_ACT_NOTIFY") } else { false } }
    }

    @Test func whatTheRequestAsksFor() throws {
        func choice(_ type: Runtime_V1_SecurityProfile.ProfileType?, _ reference: String = "", old: String = "") throws(SpecError) -> SeccompChoice {
            var context = Runtime_V1_LinuxContainerSecurityContext()
            if let type {
                context.seccomp.profileType = type
                context.seccomp.localhostRef = reference
            }
            return try SeccompChoice(type == nil ? nil : context.seccomp, deprecated: old)
        }
        #expect(try choice(nil) == .unset && choice(.runtimeDefault) == .runtimeDefault && choice(.unconfined) == .unconfined)
        #expect(try choice(.localhost, "/p/x.json") == .localhost("/p/x.json"))
        #expect(try choice(.localhost, "localhost//p/x.json") == .localhost("/p/x.json"))
        #expect(try choice(nil, old: "runtime/default") == .runtimeDefault && choice(nil, old: "docker/default") == .runtimeDefault)
        #expect(try choice(nil, old: "unconfined") == .unconfined && choice(nil, old: "localhost//p") == .localhost("/p"))
        // The present field wins over the deprecated one.
        #expect(try choice(.runtimeDefault, old: "unconfined") == .runtimeDefault)
        for bad in ["", "x.json", "localhost/x.json", "../x"] { #expect(throws: SpecError.self) { try choice(.localhost, bad) } }
        for bad in ["Unconfined", "/p", "localhost/", "localhost/x"] { #expect(throws: SpecError.self) { try choice(nil, old: bad) } }
        #expect(throws: SpecError.self) { try choice(.UNRECOGNIZED(9)) }
    }

    @Test func privilegedContainersHaveAProfileOfTheirOwn() throws {
        var sample = Sample()
        sample.seccomp = .runtimeDefault
        sample.config.linux.securityContext.privileged = true
        #expect(try sample.build().linux?.seccomp == nil)
        sample.settings.privilegedSeccomp = try profile(#"{"defaultAction":"SCMP_ACT_LOG"}"#)
        #expect(try sample.build().linux?.seccomp?.defaultAction == "SCMP_ACT_LOG")
        sample.config.linux.securityContext.privileged = false
        #expect(try sample.build().linux?.seccomp?.defaultAction == "SCMP_ACT_ERRNO")
    }
}
