import Logging
import OCIRuntime

/// The settings that hold now, with what is derived from them. A reload puts others in their place.
struct SettingsInForce: Sendable {
    let settings: NodeSettings
    let runtimes: RuntimeHandlers
    let specs: SpecBuilder

    /// Those that the work under way began with, where a mix of old and new would be wrong.
    @TaskLocal static var ofThisWork: SettingsInForce?

    init(_ settings: NodeSettings, logger: Logger) {
        self.settings = settings
        runtimes = RuntimeHandlers(settings.handlers, defaultName: settings.defaultHandler, logger: logger)
        specs = SpecBuilder(host: settings.host, settings: settings.specification)
    }
}

extension Node {
    var settings: NodeSettings { inForce.settings }
    var runtimes: RuntimeHandlers { inForce.runtimes }
    var specs: SpecBuilder { inForce.specs }

    /// Takes settings for the pods and containers to come; what is being made keeps those that it began with. Directories, the
    /// cgroup driver and the programs beside the runtimes stay what they were at start.
    public func reload(_ new: NodeSettings) {
        var settings = new
        // Pods keep the handler that they were made with.
        let names = Set(new.handlers.map(\.name))
        let used = Set(inventory.pods().map(\.runtimeHandler)).subtracting(names)
        settings.handlers += self.settings.handlers.filter { used.contains($0.name) }
        replaceSettings(SettingsInForce(settings, logger: logger))
    }
}
