import ArgumentParser

/// Clients of a CRI socket that measure and that show. They know nothing of Swiftlet but the CRI.
@main
struct SwiftletBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swiftlet-bench",
        abstract: "Measures container runtimes through the Container Runtime Interface.",
        subcommands: [Compare.self, Streams.self, Demo.self])
}
