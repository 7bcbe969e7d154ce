import CRIService
import DaemonConfiguration
import GRPCCore
import Glibc
import Images
import Linux
import Logging
import Networking
import Node
import Registry
import Store
import Telemetry
import Transport

/// The life of the daemon: take the root's lock, put the parts together, serve until told to end.
struct Daemon {
    let configuration: Configuration
    let options: ConfigurationOptions
    let log: LogControl
    let logger: Logger

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let root = configuration.crio.root
        let lock = try RootLock(root: root)
        defer { withExtendedLifetime(lock) {} }
        let runroot = configuration.crio.runroot
        try Files.makeDirectories(runroot, mode: 0o711)
        try Files.makeDirectories("\(runroot)/exits", mode: 0o700)
        // One that an earlier version made lets others pass.
        try check("chmod", "\(runroot)/exits") { chmod("\(runroot)/exits", 0o700) }
        try Files.removeTree(ReloadOutcome.path(runroot: configuration.crio.runroot))
        let assembly = Assembly(configuration: configuration, logger: logger)
        let store = try Store(path: "\(root)/swiftlet.db")
        let registry = try RegistryClient(options: assembly.registryOptions(), logger: logger)
        do {
            let images = try await ImageService(options: assembly.imageOptions(), store: store, registry: registry, logger: logger)
            let network = try await CNINetworking(options: assembly.networkOptions(), logger: logger)
            let settings = try await assembly.nodeSettings()
            let node = try await Node(
                settings: settings, store: store, images: images, network: network, logger: logger)
            try await serve(node, registry) { await prepareAppArmor(settings) }
            await node.shutdown()
        } catch {
            await registry.shutdown()
            throw error
        }
        await registry.shutdown()
        logger.info("swiftlet ends; containers go on")
    }

    /// Has the kernel know the profile of this version. A container that is made sooner sees to it itself.
    private func prepareAppArmor(_ settings: NodeSettings) async {
        guard settings.host.appArmor else { return }
        do { try await settings.appArmor.prepare(settings.specification.appArmorProfile) } catch {
            logger.error("containers with the default AppArmor profile cannot be made", metadata: ["error": "\(error)"])
        }
    }

    /// - Parameter afterwards: What no answer needs at once, done when the socket is served.
    private func serve(_ node: Node, _ registry: RegistryClient, afterwards: @escaping @Sendable () async -> Void) async throws {
        let notices = ServiceNotices(logger: logger)
        let streaming = try await StreamingHost(configuration: configuration, node: node, logger: logger)
        let socket = try ListenSocket(path: configuration.api.listen)
        let transport = UnixSocketTransport(path: socket.temporaryPath)
        let server = GRPCServer(
            transport: transport,
            services: [RuntimeService(node: node, version: swiftletVersion, streaming: streaming), ImageServiceEndpoint(node: node)],
            interceptors: [RequestInterceptor(logger: logger)])
        let signals = SignalStream([SIGTERM, SIGINT, SIGHUP])
        defer { withExtendedLifetime(signals) {} }
        let stream = signals.stream
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            group.addTask {
                try await transport.listening()
                try socket.publish()
                logger.info("swiftlet serves", metadata: ["version": "\(swiftletVersion)", "socket": "\(socket.path)"])
                notices.tell(.ready)
                async let rest: Void = afterwards()
                try await notices.giveSigns(of: node, at: socket.path)
                await rest
            }
            group.addTask {
                var running = configuration
                var outcome = ReloadOutcome(number: 0, problem: "")
                for await signal in stream {
                    guard signal == SIGHUP else { return }
                    notices.tell(.reloading)
                    outcome = ReloadOutcome(number: outcome.number + 1, problem: await reload(&running, node, registry) ?? "")
                    await tell(outcome)
                    notices.tell(.ready)
                }
            }
            // The first to end is the signal, or what failed.
            do { try await group.next() } catch { logger.error("serving failed", metadata: ["error": "\(error)"]) }
            notices.tell(.stopping)
            node.endEvents()
            server.beginGracefulShutdown()
            group.cancelAll()
        }
        await streaming.shutdown()
        socket.remove()
    }

    /// Takes up what may change, for pods, containers and pulls to come. What needs a restart is said. Where something is wrong,
    /// all stays as it was.
    /// - Returns: what was wrong; nil where nothing was.
    private func reload(_ running: inout Configuration, _ node: Node, _ registry: RegistryClient) async -> String? {
        do {
            let (new, warnings) = try options.load()
            for warning in warnings { logger.warning("\(warning)") }
            var next = running
            let (changed, refused) = next.reload(from: new)
            let assembly = Assembly(configuration: next, logger: logger)
            let settings = try await assembly.nodeSettings()
            let logging = try LogSettings(next, flag: options.logLevel)
            let takeRegistries = try await BlockingPool.shared.run { try registry.prepareReload() }
            // The last that can fail; from here on all is taken.
            try await node.images.setPinnedImages(next.image.pinnedImages)
            takeRegistries()
            logging.set(log)
            node.reload(settings)
            running = next
            logger.notice("configuration reloaded", metadata: ["changed": "\(changed)"])
            if !refused.isEmpty { logger.warning("changed keys take effect at the next start", metadata: ["keys": "\(refused)"]) }
            return nil
        } catch {
            logger.error("reloading failed; the configuration stays as it was", metadata: ["error": "\(error)"])
            return "\(error)"
        }
    }

    /// Tells the command that asked for a reload what came of it.
    private func tell(_ outcome: ReloadOutcome) async {
        let runroot = configuration.crio.runroot
        do { try await BlockingPool.shared.run { try outcome.write(runroot: runroot) } } catch {
            logger.warning("what came of the reload cannot be written", metadata: ["error": "\(error)"])
        }
    }
}
