import Glibc
import Testing

@testable import Linux

@Suite struct ServiceManagerTests {
    /// A service manager's end: what it reads.
    private struct Manager {
        let descriptor: OwnedDescriptor

        /// - Parameter name: A path, or a name with `@` in front of it.
        init(_ name: String) throws {
            descriptor = OwnedDescriptor(try check("socket") { socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0) })
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { path in
                path.copyBytes(from: Array(name.utf8))
                if name.hasPrefix("@") { path[0] = 0 }
            }
            let length = socklen_t(2 + name.utf8.count)
            let raw = descriptor.raw
            try check("bind", name) {
                withUnsafePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(raw, $0, length) }
                }
            }
        }

        func read() -> String {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor.raw, &buffer, buffer.count, CInt(MSG_DONTWAIT))
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
    }

    private let name = "swiftlet-notify-\(UInt64.random(in: .min ... .max))"

    @Test func aSocketWithAPath() throws {
        let path = "/tmp/\(name)"
        defer { unlink(path) }
        let manager = try Manager(path)
        let service = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": path]))
        try service.tell(.ready, .status("serves\nREADY=0"))
        #expect(manager.read() == "READY=1\nSTATUS=serves READY=0")
        try service.tell(.stopping)
        #expect(manager.read() == "STOPPING=1")
    }

    @Test func aSocketInTheAbstractNamespace() throws {
        let manager = try Manager("@\(name)")
        try #require(ServiceManager(environment: ["NOTIFY_SOCKET": "@\(name)"])).tell(.watchdog)
        #expect(manager.read() == "WATCHDOG=1")
    }

    @Test func reloadingTellsTheTime() {
        #expect(ServiceManager.State.reloading.text(monotonicMicroseconds: 12_345) == "RELOADING=1\nMONOTONIC_USEC=12345")
    }

    @Test(arguments: [[:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "@"], ["NOTIFY_SOCKET": "vsock:2:9999"]])
    func nobodyWantsToKnow(_ environment: [String: String]) { #expect(ServiceManager(environment: environment) == nil) }

    @Test func theWatchdogIsMeantForOneProcess() {
        func watchdog(_ more: [String: String]) -> Duration? {
            ServiceManager(environment: ["NOTIFY_SOCKET": "/run/x"].merging(more) { $1 }, pid: 7)?.watchdog
        }
        #expect(watchdog([:]) == nil && watchdog(["WATCHDOG_USEC": "0"]) == nil && watchdog(["WATCHDOG_USEC": "x"]) == nil)
        #expect(watchdog(["WATCHDOG_USEC": "30000000"]) == .seconds(30))
        #expect(watchdog(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"]) == .seconds(30))
        #expect(watchdog(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"]) == nil)
    }

    @Test func aManagerThatIsGoneIsAnError() throws {
        let service = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": "/tmp/\(name)"]))
        #expect(throws: SystemError.self) { try service.tell(.ready) }
        let long = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 200)]))
        #expect(throws: SystemError("sendto", code: ENAMETOOLONG, "/" + String(repeating: "x", count: 200))) { try long.tell(.ready) }
    }
}
