import Linux
import Logging
import Synchronization

/// Puts pods on the network and takes them off, by CNI plugins.
public final class CNINetworking: Sendable {
    private let options: NetworkOptions
    private let logger: Logger
    private let runner: PluginRunner
    private let cache: AttachmentCache
    private let shared: SharedDirectory
    private let watcher: Task<Void, Never>

    /// Reads the configuration files and follows their changes from then on.
    /// - Throws: `SystemError` where the directory cannot be watched.
    public init(options: NetworkOptions, logger: Logger) async throws {
        self.options = options
        self.logger = logger
        runner = PluginRunner(directories: options.pluginDirectories, timeout: options.pluginTimeout)
        cache = AttachmentCache(directory: options.cacheDirectory)
        let path = options.configurationDirectory
        let changes = try await BlockingPool.shared.run { try FileWatcher.changes(of: [path]) }
        let shared = SharedDirectory(try await BlockingPool.shared.run { NetworkDirectory.read(path) })
        self.shared = shared
        watcher = Task {
            for await _ in changes {
                let read = try? await BlockingPool.shared.run { NetworkDirectory.read(path) }
                guard let read, shared.replace(read) else { continue }
                logger.info(
                    "CNI configuration changed", metadata: ["networks": "\(read.networks.map(\.name))", "problems": "\(read.problems)"])
            }
        }
    }

    deinit { watcher.cancel() }

    /// Whether there is a network to put pods on.
    public func status() async -> NetworkStatus {
        do {
            let network = try shared.current.chosen(options.defaultNetwork, directory: options.configurationDirectory)
            for plugin in network.plugins { _ = try runner.find(plugin.type) }
            guard network.speaks(since: "1.1.0") else { return .ready }
            for plugin in network.plugins {
                let fields = PluginConfiguration(network: network, request: nil).fields(for: plugin, previous: nil)
                _ = try await runner.run(plugin, "STATUS", on: network.name, for: nil, netns: "", configuration: fields)
            }
            return .ready
        } catch {
            return .notReady(reason: "NetworkPluginNotReady", message: "\(error)")
        }
    }

    /// Runs the plugins' ADD in order. What a failed one leaves is taken down again.
    /// - Throws: `NetworkError` with the plugin's own message.
    public func attach(_ request: PodNetworkRequest) async throws(NetworkError) -> PodNetwork {
        let network = try shared.current.chosen(options.defaultNetwork, directory: options.configurationDirectory)
        var attachment = Attachment(request: request, network: network)
        try await cache.write(attachment)
        do throws(NetworkError) {
            var result: JSONValue?
            for plugin in network.plugins {
                let fields = PluginConfiguration(network: network, request: request).fields(for: plugin, previous: result)
                result = try await runner.run(
                    plugin, "ADD", on: network.name, for: request, netns: request.netnsPath, configuration: fields)
            }
            let parsed = try PluginResult(result ?? .null, plugin: network.plugins.last?.type ?? "")
            attachment.result = result
            try await cache.write(attachment)
            return PodNetwork(ips: parsed.ips, network: network.name)
        } catch {
            do { try await detach(request) } catch let undoing {
                logger.error("undoing a failed ADD failed too", metadata: ["pod": "\(request.podID)", "error": "\(undoing)"])
            }
            throw error
        }
    }

    /// Runs the plugins' DEL in reverse order, with the configuration that ADD had. Idempotent; the network namespace may
    /// be gone, and a pod that was never attached is detached.
    /// - Throws: `NetworkError`; then the attachment is kept for another try.
    public func detach(_ request: PodNetworkRequest) async throws(NetworkError) {
        guard let attachment = try await cache.read(request.podID) else { return }
        let network = attachment.network
        let netns = NamespaceFile.isPinned(attachment.request.netnsPath) ? attachment.request.netnsPath : ""
        let result = network.speaks(since: "0.4.0") ? attachment.result : nil
        for plugin in network.plugins.reversed() {
            let fields = PluginConfiguration(network: network, request: attachment.request).fields(for: plugin, previous: result)
            _ = try await runner.run(
                plugin, "DEL", on: network.name, for: attachment.request, netns: netns, configuration: fields)
        }
        await cache.remove(request.podID)
    }

    /// Runs the plugins' CHECK: whether a pod is still on the network as ADD left it.
    /// - Throws: `NetworkError`.
    public func check(_ request: PodNetworkRequest) async throws(NetworkError) {
        guard let attachment = try await cache.read(request.podID), let result = attachment.result else {
            throw .system("pod \(request.podID) has no network attachment")
        }
        let network = attachment.network
        guard network.speaks(since: "0.4.0"), !network.disableCheck else { return }
        for plugin in network.plugins {
            let fields = PluginConfiguration(network: network, request: attachment.request).fields(for: plugin, previous: result)
            _ = try await runner.run(
                plugin, "CHECK", on: network.name, for: attachment.request, netns: attachment.request.netnsPath, configuration: fields)
        }
    }

    /// Takes down the attachments of pods that are not among `podIDs`, then has the plugins that know GC look for themselves.
    /// - Throws: `NetworkError`, the first of them when all was tried.
    public func collectGarbage(keeping podIDs: Set<String>) async throws(NetworkError) {
        var failure: NetworkError?
        var kept: [JSONValue] = []
        for id in await cache.podIDs() {
            do throws(NetworkError) {
                guard let attachment = try await cache.read(id) else { continue }
                if podIDs.contains(id) {
                    kept.append(.object(["containerID": .string(id), "ifname": .string(attachment.request.interface)]))
                } else {
                    try await detach(attachment.request)
                }
            } catch { failure = failure ?? error }
        }
        if let network = try? shared.current.chosen(options.defaultNetwork, directory: options.configurationDirectory),
            network.speaks(since: "1.1.0"), !network.disableGC
        {
            for plugin in network.plugins {
                var fields = PluginConfiguration(network: network, request: nil).fields(for: plugin, previous: nil)
                fields["cni.dev/valid-attachments"] = .array(kept)
                do throws(NetworkError) {
                    _ = try await runner.run(plugin, "GC", on: network.name, for: nil, netns: "", configuration: fields)
                } catch { failure = failure ?? error }
            }
        }
        if let failure { throw failure }
    }
}

/// The networks as last read, replaced whole by the watcher.
private final class SharedDirectory: Sendable {
    private let value: Mutex<NetworkDirectory>

    init(_ value: NetworkDirectory) { self.value = Mutex(value) }

    var current: NetworkDirectory { value.withLock { $0 } }

    /// Whether it is another one.
    func replace(_ new: NetworkDirectory) -> Bool {
        value.withLock { old in
            defer { old = new }
            return old != new
        }
    }
}
