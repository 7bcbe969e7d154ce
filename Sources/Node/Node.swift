import Cgroups
import Glibc
import Images
import Linux
import Logging
import Networking
import OCIRuntime
import Store
import Synchronization
import Telemetry

/// The pods and containers of this machine and all that is done with them. It is put together once, at start; what changes
/// is in the inventory and in the kernel.
///
/// The operations stand by subject in Pods and Containers, start-up in Recovery.
public final class Node: Sendable {
    public let inventory: Inventory
    public let images: ImageService
    let network: CNINetworking
    let pinner: NamespacePinner
    let cgroups: PodCgroups
    let podFiles: PodFiles
    let containerFiles: ContainerFiles
    let rootFileSystems: RootFilesystems
    /// Asked once, at start, while the node does other things.
    let userNamespaces: Task<UserNamespaceSupport, Never>
    let checkpoints: Checkpoints
    let checkpointFiles: CheckpointFiles
    /// Asked once, at start, while the node does other things.
    let checkpointSupport: Task<CheckpointSupport, Never>
    let logger: Logger

    let locks = KeyedLock()
    let podsUnderWay = JoinedWork<PodKey, String>()
    let containersUnderWay = JoinedWork<ContainerKey, String>()
    let startsUnderWay = JoinedWork<String, Void>()
    let cleanups = JoinedWork<String, Void>()
    /// Pods of the daemon before that are being made whole.
    let recoveries = JoinedWork<String, Void>()
    /// Programs that make pods and containers: the runtimes', conmon, swiftlet-pin.
    let turns = TurnQueue(places: 4 * TurnQueue.cpus, limit: .seconds(30))
    let phases = PhaseTrackers()
    let timelines = TimelineRecorder()
    let samples = CPUSampler()
    /// SELinux levels of pods whose records are not written yet.
    let levelsUnderWay = Mutex<Set<String>>([])
    private let current: Mutex<SettingsInForce>
    let checkpointsUnderWay = CheckpointsUnderWay()
    private let exitWatcher = Mutex<Task<Void, Never>?>(nil)

    /// Takes up the node's state, and begins to make it whole, whatever instant the daemon last stopped at. That goes on beside what is asked.
    /// - Throws: where the records cannot be read or a directory not be made.
    public init(settings: NodeSettings, store: Store, images: ImageService, network: CNINetworking, logger: Logger) async throws {
        let inForce = SettingsInForce(settings, logger: logger)
        current = Mutex(inForce)
        self.images = images
        self.network = network
        self.logger = logger
        inventory = try await Inventory(store: store) { logger.error("a record is left out", metadata: ["error": "\($0)"]) }
        pinner = NamespacePinner(executable: settings.pinnerPath)
        cgroups = PodCgroups(layout: settings.cgroupLayout, driver: settings.cgroupDriver, owner: settings.root)
        podFiles = PodFiles(root: "\(settings.runRoot)/pods")
        containerFiles = ContainerFiles(root: "\(settings.runRoot)/containers")
        rootFileSystems = RootFilesystems(images: images)
        userNamespaces = Task { await UserNamespaceSupport.probe(settings, inForce.runtimes) }
        checkpoints = Checkpoints(images: images)
        checkpointFiles = CheckpointFiles(root: "\(settings.root)/checkpoints")
        checkpointSupport = Task { await CheckpointSupport.probe(enabled: settings.checkpoints) }
        let exits = settings.exitDirectory
        // From here on no container's end is missed; those before are found by recovery.
        let events = try await BlockingPool.shared.run { try ExitWatcher.events(directory: exits) }
        let watcher = Task { [weak self] in
            for await event in events { await self?.ended(event) }
        }
        exitWatcher.withLock { $0 = watcher }
        // Recovery stops containers, and learns of their ends in the same way as everyone.
        await beginRecovery(survey())
    }

    /// Stops following the containers, which go on, and waits for the look at the host's user namespaces, which has mounts for as
    /// long as it lasts.
    public func shutdown() async {
        exitWatcher.withLock { $0?.cancel() }
        _ = await userNamespaces.value
    }

    private func ended(_ event: ContainerExitEvent) async {
        guard let container = try? inventory.container(event.containerID) else { return }
        await noteEnd(of: container, code: event.code, at: event.time)
    }

    var inForce: SettingsInForce { SettingsInForce.ofThisWork ?? current.withLock { $0 } }

    func replaceSettings(_ new: SettingsInForce) { current.withLock { $0 = new } }

    /// Whether pods' cgroups are systemd's.
    public var usesSystemdCgroups: Bool { settings.cgroupDriver == .systemd }

    func logger(pod: PodRecord) -> Logger {
        var logger = logger
        logger[metadataKey: "pod"] = "\(pod.id)"
        logger[metadataKey: "name"] = "\(pod.config.metadata.namespace)/\(pod.config.metadata.name)"
        return logger
    }

    func logger(container: ContainerRecord) -> Logger {
        var logger = logger
        logger[metadataKey: "pod"] = "\(container.podID)"
        logger[metadataKey: "container"] = "\(container.id)"
        logger[metadataKey: "name"] = "\(container.config.metadata.name)"
        return logger
    }

    /// Nanoseconds since the epoch.
    public static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
