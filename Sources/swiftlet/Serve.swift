import ArgumentParser
import CRIService
import DaemonConfiguration
import Foundation
import Images
import Linux
import Logging
import Networking
import Node
import OCIRuntime
import Registry
import Store
import Telemetry

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve the CRI. The default.")

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let control = LogControl(level: options.logLevel ?? .info)
        let journald = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] != nil
        LoggingSystem.bootstrap { StandardErrorLog(label: $0, control: control, journald: journald) }
        let logger = Logger(label: "swiftlet")
        do {
            let (configuration, warnings) = try options.load()
            for warning in warnings { logger.warning("\(warning)") }
            try LogSettings(configuration, flag: options.logLevel).set(control)
            try await Daemon(configuration: configuration, options: options, log: control, logger: logger).run()
        } catch {
            logger.critical("swiftlet cannot run", metadata: ["error": "\(error)"])
            throw ExitCode.failure
        }
    }
}

/// What the log is to have, as the configuration says. It takes effect when it is set.
struct LogSettings: Sendable {
    private let level: Logger.Level
    private let filter: (@Sendable (String) -> Bool)?

    /// - Parameter flag: the command line's level, which wins.
    /// - Throws: for a filter that is no regular expression.
    init(_ configuration: Configuration, flag: Logger.Level?) throws {
        let text = configuration.runtime.logFilter
        level = flag ?? Logger.Level(configured: configuration.runtime.logLevel)
        guard !text.isEmpty else {
            filter = nil
            return
        }
        do {
            let pattern = try Pattern(text)
            filter = { pattern.matches($0) }
        } catch { throw AssemblyError(description: "log_filter: \(error)") }
    }

    func set(_ control: LogControl) { control.set(level: level, filter: filter) }
}

extension Logger.Level {
    /// By CRI-O's names and our own.
    init(configured name: String) {
        switch name {
        case "warn": self = .warning
        case "fatal", "panic": self = .critical
        default: self = Logger.Level(rawValue: name) ?? .info
        }
    }
}
