import Testing

@testable import Linux

@Suite struct CPUSetTests {
    @Test func lists() {
        #expect(CPUSet(list: "0-2,5")?.cpus == [0, 1, 2, 5] && CPUSet(list: "7")?.cpus == [7] && CPUSet(list: "3-3")?.cpus == [3])
        for bad in ["", ",", "1,", "-1", "1-", "2-1", "x", "1-2-3", "1024", "0-99999999999999999999", "+1", "１"] {
            #expect(CPUSet(list: bad) == nil, "\(bad)")
        }
    }

    @Test func aProcessIsBound() async throws {
        let child = try await Command("/bin/sleep", ["1000"]).spawn()
        try #require(CPUSet(list: "0")).bind(child.pid)
        #expect(try Files.readText("/proc/\(child.pid)/status").contains("Cpus_allowed_list:\t0\n"))
        #expect(throws: SystemError.self) { try #require(CPUSet(list: "1000")).bind(child.pid) }
        try child.signal(9)
        _ = try await child.wait()
    }
}
