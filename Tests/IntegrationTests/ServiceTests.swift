import Glibc
import Linux
import Testing

extension Integration {
    @Suite struct Service {
        /// The service manager's socket, in the abstract namespace.
        private struct Manager {
            let name = "@swiftlet-test-\(UInt64.random(in: .min ... .max))"
            private let descriptor: OwnedDescriptor

            init() throws {
                descriptor = OwnedDescriptor(try check("socket") { socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0) })
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                let name = Array(name.utf8)
                withUnsafeMutableBytes(of: &address.sun_path) { path in
                    path.copyBytes(from: name)
                    path[0] = 0
                }
                let raw = descriptor.raw
                try check("bind") {
                    withUnsafePointer(to: &address) { pointer in
                        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(raw, $0, socklen_t(2 + name.count)) }
                    }
                }
            }

            /// What it has been told since it was asked the last time, a datagram an entry.
            func read() -> [String] {
                var all: [String] = []
                var buffer = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = recv(descriptor.raw, &buffer, buffer.count, CInt(MSG_DONTWAIT))
                    if count < 0 { return all }
                    all.append(String(decoding: buffer.prefix(count), as: UTF8.self))
                }
            }
        }

        @Test("The service manager hears of readiness, reloading, life and the end")
        func notices() async throws {
            let manager = try Manager()
            let variables = ["NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "300000"]
            try await Daemon.during(variables: variables) { daemon in
                try await eventually("it is ready") { manager.read().contains("READY=1") }
                try await eventually("it lives") { manager.read().contains("WATCHDOG=1") }
                try await daemon.reload("[crio.runtime]\nread_only = true\n")
                var told: [String] = []
                try await eventually("it has reloaded") {
                    told += manager.read().filter { $0 != "WATCHDOG=1" }
                    return told.last == "READY=1"
                }
                #expect(told.first?.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") == true && told.count == 2)
                try await daemon.end()
                #expect(manager.read().contains("STOPPING=1"))
            }
        }

        @Test("`swiftlet reload` waits for the daemon, and tells what was wrong")
        func reload() async throws {
            try await Daemon.during { daemon in
                let program = try Daemon.program("swiftlet")
                let pid = try await daemon.pid
                func reload(_ text: String) async throws -> CommandOutput {
                    try Files.makeDirectories("\(daemon.directory)/swiftlet.conf.d")
                    try Files.write(text, creating: "\(daemon.directory)/swiftlet.conf.d/60-reload.conf")
                    let arguments = [
                        "reload", "--config", "\(daemon.directory)/swiftlet.conf", "--config-dir", "\(daemon.directory)/swiftlet.conf.d",
                        "--runroot", daemon.runroot, "\(pid)",
                    ]
                    return try await Command(program, arguments, environment: daemon.environment).run(timeout: .seconds(40))
                }
                for _ in 0..<2 { #expect(try await reload("[crio.runtime]\nread_only = true\n").status.isSuccess) }
                // What can be read and not be used.
                let refused = try await reload("[crio.runtime]\nlog_filter = \"(\"\n")
                #expect(!refused.status.isSuccess && refused.errorText.contains("log_filter"))
                // What cannot be read.
                let unreadable = try await reload("[crio.runtime]\npids_limit = \"many\"\n")
                #expect(!unreadable.status.isSuccess && unreadable.errorText.contains("pids_limit"))
                #expect(try await reload("").status.isSuccess)
            }
        }

        @Test("A daemon that does not answer gives no sign of life")
        func watchdog() async throws {
            let manager = try Manager()
            try await Daemon.during(variables: ["NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "300000"]) { daemon in
                try await eventually("it lives") { manager.read().contains("WATCHDOG=1") }
                // Its socket leads to nobody, as if nothing were accepted any more.
                try await shell("mv \(daemon.socket) \(daemon.socket).away")
                // The first time may be of an answer that came too late, and the second of a question asked before.
                func times() throws -> Int { try Files.readText(daemon.logFile).ranges(of: "does not answer itself").count }
                let before = try times()
                try await eventually("it finds that it does not answer") { try times() >= before + 2 }
                _ = manager.read()
                try await Task.sleep(for: .milliseconds(500))
                #expect(!manager.read().contains("WATCHDOG=1"))
                try await shell("mv \(daemon.socket).away \(daemon.socket)")
                try await eventually("it lives again") { manager.read().contains("WATCHDOG=1") }
            }
        }
    }
}
