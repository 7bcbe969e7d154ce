import Glibc
import Testing

@testable import Linux

@Suite struct ProcessTests {
    @Test func capturesOutputAndCode() async throws {
        let result = try await Command("/bin/sh", ["-c", "cat; echo oops >&2; exit 3"]).run(input: Array("hello".utf8))
        #expect(result.status == .exited(3))
        #expect(String(decoding: result.output, as: UTF8.self) == "hello")
        #expect(result.errorText == "oops")
    }

    @Test func aProgramNeedNotReadItsInput() async throws {
        let result = try await Command("/bin/sh", ["-c", "exec 0<&-; sleep 0.1; exit 4"]).run(input: [UInt8](repeating: 0, count: 1 << 20))
        #expect(result.status == .exited(4))
    }

    @Test("A program's end is its end, whoever it leaves behind with its output", arguments: ["sleep 4323", "yes"])
    func processesLeftBehind(command: String) async throws {
        let result = try await Command("/bin/sh", ["-c", "\(command) & echo $! >&2; echo said; exit 5"]).run(outputLimit: 4 << 20)
        let left = try #require(pid_t(result.errorText))
        kill(left, SIGKILL)
        #expect(result.status == .exited(5))
        #expect(String(decoding: result.output, as: UTF8.self).contains("said\n"))
    }

    @Test func reportsTheSignal() async throws {
        let child = try await Command("/bin/sleep", ["60"]).spawn()
        try child.signal(SIGKILL)
        #expect(try await child.wait() == .signaled(SIGKILL))
        #expect(try await child.wait().code == 137)
        try child.signal(SIGTERM)
    }

    @Test func killsTheWholeGroupWhenTimeIsUp() async throws {
        let clock = ContinuousClock.now
        await #expect(throws: CommandTimeout.self) {
            _ = try await Command("/bin/sh", ["-c", "sleep 60 & sleep 60"]).run(timeout: .milliseconds(100))
        }
        #expect(ContinuousClock.now - clock < .seconds(20))
    }

    @Test func cutsOutputAtTheLimit() async throws {
        let result = try await Command("/bin/sh", ["-c", "head -c 300000 /dev/zero"]).run(outputLimit: 1000)
        #expect(result.output.count == 1000)
        #expect(result.status.isSuccess)
    }

    @Test func namesAProgramThatIsNotThere() async throws {
        await #expect(throws: SystemError("find in PATH", code: ENOENT, "no-such-program")) {
            _ = try await Command("no-such-program").spawn()
        }
        await #expect(throws: SystemError.self) { _ = try await Command("/no/such").spawn() }
    }

    @Test func passesDescriptorsToTheirNumbersOnly() async throws {
        // Swapped on purpose: each source has a number that is another's target.
        let (read, write) = try makePipe()
        let (other, _) = try makePipe()
        let child = try await Command(
            "/bin/sh", ["-c", "echo seen >&5; ls /proc/self/fd | tr '\\n' ' ' >&5"], environment: ["PATH": "/usr/bin:/bin"],
            descriptors: [5: write.raw, 6: other.raw]
        ).spawn()
        write.close()
        try read.setNonBlocking()
        let text = String(decoding: try await read.readAll(limit: 1000), as: UTF8.self)
        #expect(text.hasPrefix("seen\n"))
        #expect(Set(text.dropFirst(5).split(separator: " ")).isSubset(of: ["0", "1", "2", "3", "5", "6"]))
        #expect(try await child.wait().isSuccess)
    }

    @Test("The runtime of a creation ends, however much it says to a monitor that reads later", arguments: [100, 8_000, 400_000])
    func creation(count: Int) async throws {
        let (read, write) = try makePipe()
        let script = "echo began >&2; head -c \(count) /dev/zero | tr '\\000' a >&2; echo ended >&2; exit 7"
        let child = try await Command(
            try builtPinnerFile(), ["--create", "/bin/sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"], descriptors: [2: write.raw]
        ).spawn()
        write.close()
        #expect(try await withTimeout(.seconds(60)) { try await child.wait() } == .exited(7))
        try read.setNonBlocking()
        let said = String(decoding: try await read.readAll(limit: 1 << 20), as: UTF8.self)
        #expect(said.hasPrefix("began\n") && said.hasSuffix("aended\n") && said.utf8.count == min(count + 12, 6149))
        #expect(said.contains(" ... ") == (count > 6144))
    }

    @Test func aRuntimeThatIsNotThereIsSaid() async throws {
        let result = try await Command(try builtPinnerFile(), ["--create", "/no/runtime", "create"]).run()
        #expect(result.status == .exited(1) && result.errorText.contains("/no/runtime"))
    }

    @Test func manyAtOnce() async throws {
        try await withThrowingTaskGroup(of: Int32.self) { group in
            for index in 0..<40 { group.addTask { try await Command("/bin/sh", ["-c", "exit \(index)"]).run().status.code } }
            var codes: Set<Int32> = []
            for try await code in group { codes.insert(code) }
            #expect(codes == Set(0..<40))
        }
    }

    @Test func aCancelledWaitEnds() async throws {
        let child = try await Command("/bin/sleep", ["60"]).spawn()
        let waiting = Task { try await child.wait() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { _ = try await waiting.value }
        try child.signal(SIGKILL)
        _ = try await child.wait()
    }
}
