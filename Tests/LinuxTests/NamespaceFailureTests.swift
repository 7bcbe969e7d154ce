import Glibc
import Testing

@testable import Linux

@Suite struct NamespaceFailureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let step: String
        let subject: String
        let change: @Sendable (inout NamespaceRequest) -> Void
        var testDescription: String { "\(step) \(subject)" }
    }

    static let cases: [Case] = [
        Case(step: "sysctl", subject: "vm.swappiness=1") { $0.sysctls = ["vm.swappiness": "1"] },
        Case(step: "sysctl", subject: "kernel.panic=1") { $0.sysctls = ["kernel.panic": "1"] },
        Case(step: "sysctl", subject: "kernel.msgmax=1") { $0.sysctls = ["kernel.msgmax": "1"] },
        Case(step: "sysctl", subject: "net/../vm/swappiness=1") { $0.sysctls = ["net/../vm/swappiness": "1"] },
        Case(step: "sysctl", subject: "net.//vm/swappiness=1") { $0.sysctls = ["net.//vm/swappiness": "1"] },
        Case(step: "sysctl", subject: "=1") { $0.sysctls = ["": "1"] },
        Case(step: "open", subject: "/proc/sys/net/no/such") { $0.sysctls = ["net.no.such": "1"] },
        Case(step: "write", subject: "/proc/sys/net/ipv4/ip_default_ttl") { $0.sysctls = ["net.ipv4.ip_default_ttl": "many"] },
        Case(step: "sethostname", subject: String(repeating: "h", count: 65)) { $0.hostname = String(repeating: "h", count: 65) },
        Case(step: "setresuid", subject: "0 of the user namespace (is it mapped?)") {
            $0.uidMap = [IDMap(containerID: 1, hostID: 700_000, length: 10)]
            $0.gidMap = [IDMap(containerID: 0, hostID: 700_000, length: 10)]
        },
        Case(step: "open", subject: "/no/such/cgroup.procs") {
            $0.pid = true
            $0.cgroupProcsFiles = ["/no/such/cgroup.procs"]
        },
    ]

    @Test(arguments: cases) func namesTheStepAndLeavesNothing(_ wanted: Case) async throws {
        let temporary = try TemporaryDirectory()
        var request = NamespaceRequest(directory: temporary.path)
        request.network = true
        request.uts = true
        wanted.change(&request)
        let asked = request
        let error = await #expect(throws: PinError.self) { _ = try await builtPinner().pin(asked) }
        #expect(error?.step == wanted.step)
        #expect(error?.subject == wanted.subject)
        #expect(error?.reason.isEmpty == false)
        #expect(try Files.list(temporary.path) == [])
    }

    @Test func subjectsOfAnyBytesAreLegible() async throws {
        var request = NamespaceRequest(directory: "/no/such \"quoted\"\\\n\u{1}ü")
        request.network = true
        let asked = request
        let error = await #expect(throws: PinError.self) { _ = try await builtPinner().pin(asked) }
        #expect(error?.subject == asked.directory + "/net")
        request.directory = "/" + String(repeating: "\u{1}", count: 4000)
        let long = request
        let other = await #expect(throws: PinError.self) { _ = try await builtPinner().pin(long) }
        #expect(other?.step == "create" && other?.reason.contains("\n") == false)
    }

    @Test func wordsThatAreNotOfTheProgramAreTheReason() {
        func error(_ text: String, _ status: Linux.ExitStatus = .exited(1)) -> PinError {
            PinError(CommandOutput(status: status, output: [], error: Array(text.utf8)), executable: "/bin/x")
        }
        #expect(error("segfault\nmore").reason == "segfault\nmore")
        #expect(error("", .signaled(SIGKILL)).reason.contains("137"))
        #expect(error(#"{"step":"a","subject":"b"}"#).step == "run")
        #expect(error(#"{"step":"a","subject":"b","error":"c"}"# + "\nrest").message == "a b: c")
    }

    @Test func aProgramThatIsMissingIsNamed() async throws {
        let temporary = try TemporaryDirectory()
        await #expect(throws: SystemError.self) {
            _ = try await NamespacePinner(executable: "/no/swiftlet-pin").pin(NamespaceRequest(directory: temporary.path))
        }
    }

    @Test func anythingElseIsNoPin() throws {
        let temporary = try TemporaryDirectory()
        try Files.writeAtomically([], to: temporary.path + "/net")
        for path in [temporary.path + "/net", temporary.path, "/no/such", "/proc/self/status"] {
            #expect(!NamespaceFile.isPinned(path))
            #expect(NamespaceFile(.net, path: path).identity == nil)
        }
        #expect(NamespaceFile.isPinned("/proc/self/ns/net"))
    }
}
