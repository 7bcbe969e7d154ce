import ArgumentParser
import Glibc
import Images
import Linux
import Logging
import OCI
import Registry
import Store
import Synchronization

/// Pulls an image into the root of a daemon that is not running.
struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pull an image, with a bar a layer on a terminal.",
        discussion: "The root must not be in use: where the daemon runs, pull through it, with crictl for example.")

    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The image's name.") var image: String

    func run() async throws {
        let (configuration, _) = try options.load()
        let logger = Logger(label: "pull") { _ in SwiftLogNoOpLogHandler() }
        let assembly = Assembly(configuration: configuration, logger: logger)
        let lock = try RootLock(root: configuration.crio.root)
        defer { withExtendedLifetime(lock) {} }
        let registry = try RegistryClient(options: assembly.registryOptions(), logger: logger)
        do {
            let store = try Store(path: "\(configuration.crio.root)/swiftlet.db")
            let images = try await ImageService(options: assembly.imageOptions(), store: store, registry: registry, logger: logger)
            let bars = ProgressBars(terminal: isatty(2) == 1)
            let pulled = try await images.pull(image, progress: { bars.show($0) })
            bars.finish()
            print(pulled.reference)
        } catch {
            await registry.shutdown()
            throw error
        }
        await registry.shutdown()
    }
}

/// A bar a layer, drawn over one another on standard error.
final class ProgressBars: Sendable {
    private struct State {
        var layers: [Digest] = []
        var progress: [Digest: PullProgress] = [:]
        var drawn = 0
        var last = ContinuousClock.now - .seconds(1)
    }

    private let state = Mutex(State())
    private let terminal: Bool

    init(terminal: Bool) { self.terminal = terminal }

    func show(_ progress: PullProgress) {
        guard terminal else { return }
        state.withLock { state in
            if state.progress[progress.layer] == nil { state.layers.append(progress.layer) }
            state.progress[progress.layer] = progress
            let now = ContinuousClock.now
            guard now - state.last > .milliseconds(50) else { return }
            state.last = now
            Self.draw(&state)
        }
    }

    func finish() {
        guard terminal else { return }
        state.withLock { Self.draw(&$0) }
    }

    private static func draw(_ state: inout State) {
        var text = state.drawn > 0 ? "\u{1b}[\(state.drawn)A" : ""
        for layer in state.layers {
            guard let progress = state.progress[layer] else { continue }
            text += "\r\u{1b}[K" + line(progress) + "\n"
        }
        state.drawn = state.layers.count
        text.withCString { _ = write(2, $0, strlen($0)) }
    }

    static func line(_ progress: PullProgress) -> String {
        let width = 30
        let done = progress.size > 0 ? min(width, Int(progress.received * Int64(width) / progress.size)) : width
        let bar = String(repeating: "=", count: done) + String(repeating: " ", count: width - done)
        return "\(progress.layer.hex.prefix(12)) [\(bar)] \(progress.received >> 20)/\(progress.size >> 20) MiB"
    }
}
