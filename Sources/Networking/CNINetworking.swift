import Linux
import Logging
import Synchronization

/// Puts pods on the network and takes them off, by CNI plugins.
///
/// Calls for one pod run one after the other, those for different pods at once, as many as the CPUs can do with: the others wait for their
/// turn. A call goes to its end even if its caller's task is cancelled.
public final class CNINetworking: Sendable {
    private let options: NetworkOptions
    private let logger: Logger
    private let attachments: Attachments
    private let queue = PodQueue()
    private let additions: TurnQueue
    private let removals: TurnQueue
    private let gate = CollectionGate()
    private let leftovers: PluginLeftovers
    private let directory: SharedDirectory
    private let watcher: Task<Void, Never>

    /// Reads the configuration files and follows their changes from then on. A directory that is not there is made.
    /// - Throws: `SystemError` where the directory cannot be watched.
    public init(options: NetworkOptions, logger: Logger) async throws {
        self.options = options
        self.logger = logger
        attachments = Attachments(
            runner: PluginRunner(directories: options.pluginDirectories, timeout: options.pluginTimeout),
            cache: AttachmentCache(directory: options.cacheDirectory), collectionTimeout: options.collectionTimeout, logger: logger)
        additions = TurnQueue(places: options.parallelAdditions, limit: options.turnLimit)
        removals = TurnQueue(places: options.parallelRemovals, limit: options.turnLimit)
        leftovers = try await BlockingPool.shared.run {
            try PluginLeftovers(directories: options.pluginDirectories, limit: options.pluginTimeout, logger: logger)
        }
        let path = options.configurationDirectory
        let changes = try await BlockingPool.shared.run { try FileWatcher.changes(of: [path]) }
        let directory = SharedDirectory(path: path, try await BlockingPool.shared.run { NetworkDirectory.read(path) }, logger: logger)
        self.directory = directory
        try await attachments.cache.removeUnfinished()
        watcher = Task {
            for await _ in changes { await directory.read() }
        }
    }

    deinit { watcher.cancel() }

    /// Whether there is a network to put pods on, its plugins are there and, from version 1.1 on, say that they can.
    public func status() async -> NetworkStatus {
        // Also what inotify does not tell of: links, and a directory that was made anew.
        await directory.read()
        do throws(NetworkError) {
            try await attachments.status(of: network())
            return .ready
        } catch {
            return .notReady(reason: "NetworkPluginNotReady", message: "\(error)")
        }
    }

    /// The configuration files that cannot be used, each with the reason.
    public var configurationProblems: [String] { directory.current.problems }

    /// The plugins that the default network needs: where they are and which versions they speak.
    /// - Throws: `NetworkError.notReady` where there is no network.
    public func inspectPlugins() async throws(NetworkError) -> [PluginInspection] {
        let network = try network()
        var all: [PluginInspection] = []
        for plugin in network.plugins { all.append(await attachments.runner.inspect(plugin.type, for: network)) }
        return all
    }

    /// Puts a pod on the default network: runs the plugins' ADD in order. What a failed one leaves is taken down again.
    /// - Parameter begins: called when the pod's turn has come; a plugin's time counts from its own start.
    /// - Throws: `NetworkError` with the plugin's own message.
    public func attach(_ request: PodNetworkRequest, begins: @escaping @Sendable () -> Void = {}) async throws(NetworkError) -> PodNetwork {
        _ = try network()
        return try await queue.run(request.podID) { [self] () throws(NetworkError) in
            try await additions.run { () throws(NetworkError) in
                try await gate.command { () throws(NetworkError) in
                    begins()
                    // What was configured while the pod waited holds.
                    return try await attachments.add(request, to: network())
                }
            }
        }
    }

    /// Takes a pod off its network: runs the plugins' DEL in reverse order, with the configuration that ADD had. Idempotent;
    /// the network namespace may be gone, and a pod that was never attached is detached.
    /// - Throws: `NetworkError`; then the attachment is kept for another try.
    public func detach(_ request: PodNetworkRequest) async throws(NetworkError) {
        try await queue.run(request.podID) { [self] () throws(NetworkError) in
            try await leftovers.end(of: request.podID)
            try await removals.run { () throws(NetworkError) in
                try await gate.command { () throws(NetworkError) in
                    try await attachments.delete(request, fallback: try? network())
                }
            }
        }
    }

    /// Runs the plugins' CHECK: whether a pod is still on the network as ADD left it.
    /// - Throws: `NetworkError`.
    public func check(_ request: PodNetworkRequest) async throws(NetworkError) {
        try await queue.run(request.podID) { [attachments] () throws(NetworkError) in try await attachments.check(request.podID) }
    }

    /// Takes down the attachments of pods that nobody knows, then has the plugins that know GC look for themselves. Pods may come and
    /// go meanwhile.
    /// - Parameter isKnown: whether there is a pod of that id. A pod is known before it is put on the network.
    /// - Throws: `NetworkError`, the first of them when all was tried.
    public func collectGarbage(isKnown: @escaping @Sendable (String) -> Bool) async throws(NetworkError) {
        var failure: NetworkError?
        for id in try await attachments.cache.podIDs() where !isKnown(id) {
            // The record knows the rest; where it cannot be read, the id is what plugins go by.
            do throws(NetworkError) { try await detach(PodNetworkRequest(podID: id, name: "", namespace: "", uid: "", netnsPath: "")) } catch {
                failure = failure ?? error
            }
        }
        for id in leftovers.podIDs { try await leftovers.end(of: id) }
        do throws(NetworkError) {
            try await gate.collection { () throws(NetworkError) in try await askPluginsToCollect(isKnown) }
        } catch { failure = failure ?? error }
        if let failure { throw failure }
    }

    private func askPluginsToCollect(_ isKnown: (String) -> Bool) async throws(NetworkError) {
        guard let network = try? network(), network.speaks(since: "1.1.0"), !network.disableGC else { return }
        var kept: [Attachment] = []
        // One that cannot be read ends it: plugins take what is not named to them, a living pod's addresses.
        for id in try await attachments.cache.podIDs() where isKnown(id) {
            if let attachment = try await attachments.cache.read(id) { kept.append(attachment) }
        }
        try await attachments.collectGarbage(network, keeping: kept)
    }

    private func network() throws(NetworkError) -> NetworkList {
        try directory.current.chosen(options.defaultNetwork, directory: options.configurationDirectory)
    }
}

/// The networks as last read.
private final class SharedDirectory: Sendable {
    private let path: String
    private let logger: Logger
    private let value: Mutex<NetworkDirectory>

    init(path: String, _ value: NetworkDirectory, logger: Logger) {
        self.path = path
        self.logger = logger
        self.value = Mutex(value)
        report(value)
    }

    var current: NetworkDirectory { value.withLock { $0 } }

    /// Reads the files again and says what is new.
    func read() async {
        guard let new = try? await BlockingPool.shared.run({ [path] in NetworkDirectory.read(path) }) else { return }
        let changed = value.withLock { old in
            defer { old = new }
            return old != new
        }
        if changed { report(new) }
    }

    private func report(_ directory: NetworkDirectory) {
        logger.info("CNI configuration read", metadata: ["networks": "\(directory.networks.map(\.name))"])
        for problem in directory.problems { logger.warning("\(problem)") }
    }
}
