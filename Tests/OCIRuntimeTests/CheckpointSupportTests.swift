import Testing

@testable import OCIRuntime

@Suite struct CheckpointSupportTests {
    @Test func theCauseInALog() {
        let log = """
            (00.057660) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted
            (00.074627) Error (criu/files-reg.c:1790): Can't lookup mount=109 for fd=1 path=/log
            (00.143720) Error (criu/cr-dump.c:2128): Dumping FAILED.
            """
        #expect(CRIULog.essence(log) == "Can't lookup mount=109 for fd=1 path=/log")
        #expect(CRIULog.essence("Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds") == "vdso: Unexpected rt vDSO area bounds")
        #expect(CRIULog.essence("Looks good.\n") == nil)
        #expect(CRIULog.essence("Error (cut") == "cut")
    }

    @Test func versions() {
        #expect(CheckpointSupport.version(in: "Version: 4.2\nGitID: v4.2\n") == "4.2")
        #expect(CheckpointSupport.version(in: "nothing") == "")
    }

    @Test func whatToDo() async {
        #expect(await CheckpointSupport.probe(enabled: false) == .disabled)
        #expect(CheckpointSupport.works(version: "4").problem == nil)
        #expect(CheckpointSupport.disabled.problem?.contains("enable_criu_support") == true)
        #expect(CheckpointSupport.absent.problem?.contains("/usr/sbin") == true)
        #expect(CheckpointSupport.broken(version: "3", reason: "because").problem?.contains("because") == true)
    }

    @Test func conmonsArguments() {
        #expect(RestoreRequest(images: "/i").arguments == ["--restore", "/i"])
        #expect(
            RestoreRequest(images: "/i", processLabel: "p", mountLabel: "m").arguments == [
                "--restore", "/i", "--runtime-opt", "--lsm-profile=selinux:p", "--runtime-opt", "--lsm-mount-context=m",
            ])
    }
}
