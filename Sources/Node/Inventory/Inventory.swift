import CRI
import Linux
import Store
import Synchronization

/// The pods and containers of the node: in memory to be asked, in the store to be kept.
///
/// A change is written first; then memory has it, and the subscribers are told. The store makes one change after the other, each of what the
/// one before has left.
public final class Inventory: Sendable {
    private struct State {
        var pods: [String: PodRecord] = [:]
        var containers: [String: ContainerRecord] = [:]
        var exitWaiters: [String: [CheckedContinuation<Void, Never>]] = [:]
    }

    static let podCollection = Collection<PodRecord>("pods")
    static let containerCollection = Collection<ContainerRecord>("containers")

    private let state = Mutex(State())
    private let store: Store
    /// What the changes mean to those who follow them. Published in the changes' order.
    let events = EventPublisher<NodeEvent>(capacity: 1000)

    /// Takes up what the store holds. A record that cannot be read is nobody's: it is reported, and what bears its id is removed as such.
    init(store: Store, report: (StoreError) -> Void = { _ in }) async throws {
        self.store = store
        let (pods, unreadablePods) = try await store.readable(Self.podCollection)
        let (containers, unreadableContainers) = try await store.readable(Self.containerCollection)
        (unreadablePods + unreadableContainers).forEach(report)
        state.withLock {
            for pod in pods { $0.pods[pod.id] = pod }
            for container in containers { $0.containers[container.id] = container }
        }
    }

    // MARK: Questions

    /// The pods, the newest first.
    public func pods() -> [PodRecord] {
        state.withLock { Array($0.pods.values) }.sorted { $0.createdAt > $1.createdAt }
    }

    /// The containers, the newest first.
    public func containers(ofPod podID: String? = nil) -> [ContainerRecord] {
        state.withLock { state in state.containers.values.filter { podID == nil || $0.podID == podID } }
            .sorted { $0.createdAt > $1.createdAt }
    }

    /// The pod of an id or of an unambiguous beginning of one.
    /// - Throws: `NodeError.notFound`, `.invalidArgument` for an ambiguous beginning.
    public func pod(_ id: String) throws(NodeError) -> PodRecord {
        try state.withLock { state throws(NodeError) in try Self.find(id, in: state.pods, "pod") }
    }

    /// The container of an id or of an unambiguous beginning of one.
    /// - Throws: `NodeError.notFound`, `.invalidArgument` for an ambiguous beginning.
    public func container(_ id: String) throws(NodeError) -> ContainerRecord {
        try state.withLock { state throws(NodeError) in try Self.find(id, in: state.containers, "container") }
    }

    static func find<Record>(_ id: String, in records: [String: Record], _ kind: String) throws(NodeError) -> Record {
        if let exact = records[id] { return exact }
        guard !id.isEmpty else { throw .invalidArgument("the request names no \(kind): give its id") }
        let matches = records.filter { $0.key.hasPrefix(id) }
        guard let first = matches.first else {
            throw .notFound("there is no \(kind) with id \(id): it was removed, or never was on this node")
        }
        guard matches.count == 1 else {
            throw .invalidArgument("\(matches.count) \(kind)s have ids that begin with \(id): give more of it")
        }
        return first.value
    }

    /// The pod with this metadata, if there is one. One that never came to be has no claim to it.
    func pod(of key: PodKey) -> PodRecord? { state.withLock { $0.pods.values.first { $0.key == key && $0.failed != true } } }

    /// The container with this metadata, if there is one. One that never came to be has no claim to it.
    func container(of key: ContainerKey) -> ContainerRecord? {
        state.withLock { $0.containers.values.first { $0.key == key && $0.failed != true } }
    }

    /// Whether there is a pod of that whole id.
    func hasPod(_ id: String) -> Bool { state.withLock { $0.pods[id] != nil } }

    /// Whether there is a container of that whole id.
    func hasContainer(_ id: String) -> Bool { state.withLock { $0.containers[id] != nil } }

    /// Tells the subscribers what happened, with the pod as it is now. One without its pod is half of a removal, and not told.
    private func publish(_ kinds: [NodeEvent.Kind], _ id: String, of pod: PodRecord?, _ state: State) {
        guard let pod, !kinds.isEmpty, events.subscriberCount > 0 else { return }
        let containers = state.containers.values.filter { $0.podID == pod.id && $0.phase != .creating }
            .sorted { $0.createdAt > $1.createdAt }
        for kind in kinds { events.publish(NodeEvent(kind: kind, id: id, time: Node.now(), pod: pod, containers: containers)) }
    }

    // MARK: Changes

    /// Adds a new pod or replaces what is known of it.
    func put(_ pod: PodRecord) async throws {
        try await store.write {
            try $0.put(pod, in: Self.podCollection)
        } committed: { [self] in
            state.withLock { $0.pods[pod.id] = pod }
        }
    }

    /// Changes a pod that is known; one that is gone stays gone.
    /// - Parameters:
    ///   - isFact: Whether it is what has happened: that is so, and who waits for it is told, even where it cannot be written. The next start
    ///     finds it out again.
    ///   - change: Made twice, for the record and in memory.
    func updatePod(_ id: String, isFact: Bool = false, _ change: @escaping @Sendable (inout PodRecord) -> Void) async throws {
        do {
            try await store.write { [self] transaction in
                guard var pod = state.withLock({ $0.pods[id] }) else { return }
                change(&pod)
                try transaction.put(pod, in: Self.podCollection)
            } committed: { [self] in
                take(change, ofPod: id)
            }
        } catch {
            if isFact { take(change, ofPod: id) }
            throw error
        }
    }

    private func take(_ change: (inout PodRecord) -> Void, ofPod id: String) {
        state.withLock { state in
            guard var pod = state.pods[id] else { return }
            let old = pod.phase
            change(&pod)
            state.pods[id] = pod
            publish(NodeEvent.Kind.ofPod(from: old, to: pod.phase), id, of: pod, state)
        }
    }

    func removePod(_ id: String) async throws {
        try await store.write {
            try $0.remove(id, from: Self.podCollection)
        } committed: { [self] in
            state.withLock { state in
                guard let pod = state.pods.removeValue(forKey: id) else { return }
                publish(NodeEvent.Kind.ofPod(from: pod.phase, to: nil), id, of: pod, state)
            }
        }
    }

    func put(_ container: ContainerRecord) async throws {
        try await store.write {
            try $0.put(container, in: Self.containerCollection)
        } committed: { [self] in
            state.withLock { $0.containers[container.id] = container }
        }
    }

    /// Changes a container that is known; one that is gone stays gone.
    /// - Parameters: As of `updatePod`.
    func updateContainer(_ id: String, isFact: Bool = false, _ change: @escaping @Sendable (inout ContainerRecord) -> Void) async throws {
        do {
            try await store.write { [self] transaction in
                guard var container = state.withLock({ $0.containers[id] }) else { return }
                change(&container)
                try transaction.put(container, in: Self.containerCollection)
            } committed: { [self] in
                take(change, ofContainer: id)
            }
        } catch {
            if isFact { take(change, ofContainer: id) }
            throw error
        }
    }

    private func take(_ change: (inout ContainerRecord) -> Void, ofContainer id: String) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard var container = state.containers[id] else { return [] }
            let old = container.progress
            change(&container)
            state.containers[id] = container
            publish(NodeEvent.Kind.ofContainer(from: old, to: container.progress), id, of: state.pods[container.podID], state)
            return container.exit == nil ? [] : state.exitWaiters.removeValue(forKey: id) ?? []
        }
        waiters.forEach { $0.resume() }
    }

    func removeContainer(_ id: String) async throws {
        try await store.write {
            try $0.remove(id, from: Self.containerCollection)
        } committed: { [self] in
            let waiters = state.withLock { state in
                if let container = state.containers.removeValue(forKey: id) {
                    publish(NodeEvent.Kind.ofContainer(from: container.progress, to: nil), id, of: state.pods[container.podID], state)
                }
                return state.exitWaiters.removeValue(forKey: id) ?? []
            }
            waiters.forEach { $0.resume() }
        }
    }

    /// Suspends until the container has ended or is gone.
    func exit(of id: String) async {
        await withCheckedContinuation { continuation in
            let ended = state.withLock { state in
                guard let container = state.containers[id], container.exit == nil else { return true }
                state.exitWaiters[id, default: []].append(continuation)
                return false
            }
            if ended { continuation.resume() }
        }
    }

    /// Waits for the container's end, `limit` at the most; whether it came.
    func exit(of id: String, within limit: Duration) async -> Bool {
        let (ended, continuation) = AsyncStream<Bool>.makeStream()
        // The wait itself cannot be cancelled; it ends at the latest when the container is removed.
        Task {
            await exit(of: id)
            continuation.yield(true)
        }
        let clock = Task {
            try await Task.sleep(for: limit)
            continuation.yield(false)
        }
        defer { clock.cancel() }
        for await value in ended { return value }
        return false
    }
}
