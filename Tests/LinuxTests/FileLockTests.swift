import Glibc
import Testing

@testable import Linux

@Suite struct FileLockTests {
    private let path = "/tmp/swiftlet-lock-\(UInt64.random(in: .min ... .max))"

    @Test("A child that has the holder's descriptor, as one has before it executes its program, does not hold the lock")
    func childrenDoNotHoldIt() async throws {
        defer { unlink(path) }
        let lock = try FileLock(path: path)
        let child = try await Command("/bin/sleep", ["60"], descriptors: [3: lock.descriptor.raw]).spawn()
        // What the kernel does when the holder is killed.
        lock.descriptor.close()
        _ = try FileLock(path: path)
        try child.signal(SIGKILL)
        _ = try await child.wait()
    }

    @Test func whatCannotBeOpenedIsSaid() {
        #expect(throws: SystemError.self) { try FileLock(path: "/proc/no/such") }
    }
}
