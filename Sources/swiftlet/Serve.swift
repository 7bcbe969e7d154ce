import ArgumentParser
import CRIService
import DaemonConfiguration
import Foundation
import Images
import Linux
import Logging
import Networking
import Node
import Registry
import Store
import Telemetry

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve the CRI. The default.")

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let level = options.logLevel
        let journald = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] != nil
        LoggingSystem.bootstrap { StandardErrorLog(label: $0, level: level, journald: journald) }
        let logger = Logger(label: "swiftlet")
        do {
            let (configuration, warnings) = try options.load()
            for warning in warnings { logger.warning("\(warning)") }
            try await Daemon(configuration: configuration, options: options, logger: logger).run()
        } catch {
            logger.critical("swiftlet cannot run", metadata: ["error": "\(error)"])
            throw ExitCode.failure
        }
    }
}
