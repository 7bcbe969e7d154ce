import ArgumentParser
import DaemonConfiguration
import Logging

/// Flags that say where the configuration is, and those that win over it.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The configuration file.")
    var config = "/etc/swiftlet/swiftlet.conf"

    @Option(name: [.customShort("d"), .customLong("config-dir")], help: "The directory of drop-in files, read in lexical order.")
    var configDirectory = "/etc/swiftlet/swiftlet.conf.d"

    @Option(help: "Where images and records are kept.")
    var root: String?

    @Option(help: "Where what need not survive a restart of the node is kept.")
    var runroot: String?

    @Option(help: "The socket on which the CRI is served.")
    var listen: String?

    @Option(name: .customLong("log-level"), help: "trace, debug, info, notice, warning, error or critical; wins over log_level.")
    var logLevel: Logger.Level?

    /// - Throws: `ConfigurationError`.
    func load() throws -> (configuration: Configuration, warnings: [ConfigurationWarning]) {
        var (configuration, warnings) = try Configuration.load(file: config, directory: configDirectory)
        if let root { configuration.crio.root = root }
        if let runroot { configuration.crio.runroot = runroot }
        if let listen { configuration.api.listen = listen.hasPrefix("unix://") ? String(listen.dropFirst(7)) : listen }
        return (configuration, warnings)
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "config", abstract: "Print the effective configuration.")

    @OptionGroup var options: ConfigurationOptions

    @Flag(name: .customLong("default"), help: "Print the configuration of a host where nothing is configured.")
    var defaults = false

    func run() throws {
        if defaults { return print(Configuration().rendered(), terminator: "") }
        let (configuration, warnings) = try options.load()
        for warning in warnings { print("# warning: \(warning)") }
        print(configuration.rendered(), terminator: "")
    }
}
