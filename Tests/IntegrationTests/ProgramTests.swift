import Linux
import Testing

extension Integration {
    /// The program's other subcommands.
    @Suite struct Program {
        @Test("version and config print what they say")
        func printing() async throws {
            #expect(try await swiftlet(["version"]).contains("swiftlet"))
            let defaults = try await swiftlet(["config", "--default"])
            for part in ["[crio.runtime]", "[crio.image]", "[crio.network]", "/etc/cni/net.d"] {
                #expect(defaults.contains(part), "the default configuration has \(part)")
            }
        }

        @Test("check finds that this machine runs pods")
        func checking() async throws {
            let report = try await swiftlet(["check"])
            #expect(report.contains("runc"))
            #expect(report.contains("cgroup"))
        }

        @Test("A wrong value names its file and line, and nothing starts")
        func wrongConfiguration() async throws {
            let directory = try makeTemporaryDirectory()
            let file = "\(directory)/wrong.conf"
            try Files.write("[crio.runtime]\n\npids_limit = \"many\"\n", creating: file)
            let program = try Daemon.program("swiftlet")
            let arguments = [
                "serve", "--config", file, "--config-dir", directory + "/none", "--root", directory + "/root",
                "--runroot", directory + "/run",
                "--listen", directory + "/socket",
            ]
            let output = try await Command(program, arguments, environment: ["PATH": searchPath]).run(timeout: .seconds(20))
            try Files.removeTree(directory)
            #expect(!output.status.isSuccess)
            #expect(output.errorText.contains("wrong.conf") && output.errorText.contains("3"))
        }

        private func swiftlet(_ arguments: [String]) async throws -> String {
            let command = Command(try Daemon.program("swiftlet"), arguments, environment: ["PATH": searchPath])
            let output = try await command.run(timeout: .seconds(20))
            guard output.status.isSuccess else {
                throw ShellError(command: "swiftlet \(arguments)", status: output.status, message: output.errorText)
            }
            return String(decoding: output.output, as: UTF8.self)
        }
    }
}
