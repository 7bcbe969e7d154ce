import ArgumentParser

/// The command line. `swiftlet` alone serves.
@main
struct Swiftlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swiftlet", abstract: "A container runtime for Kubernetes nodes.", version: swiftletVersion,
        subcommands: [Serve.self, Reload.self, ConfigCommand.self, Check.self, Pull.self, Version.self], defaultSubcommand: Serve.self)
}

/// The version of the daemon and of all commands.
let swiftletVersion = "0.1.0"

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")
    func run() { print("swiftlet \(swiftletVersion)") }
}
