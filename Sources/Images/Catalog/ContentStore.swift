import Glibc
import Linux
import Logging
import OCI
import Store
import Synchronization

/// The catalog made durable, and the directories that it speaks of.
///
/// Changes go one after the other: computed on a copy, written in one transaction, then seen by readers. A directory
/// without a record is nobody's and goes at the next start; a record is written after what it speaks of is there whole.
final class ContentStore: Sendable {
    static let images = Collection<ImageRecord>("images")
    static let layers = Collection<LayerRecord>("layers")
    static let holders = Collection<LayerHolder>("layer_holders")

    let directories: ImageDirectories
    let boot: String
    /// Where the file system of all that is mounted.
    let mountPoint: String
    private let store: Store
    private let logger: Logger
    private let turn = TurnQueue(places: 1)
    private let trashTurn = TurnQueue(places: 1)
    private let state = Mutex(Catalog())
    private let pinnedImages: Mutex<PinnedImages>

    /// Takes up what is on disk. What no record speaks of is removed, and so are layers that an unclean end of the node may
    /// have taken content from, with their images.
    init(directories: ImageDirectories, pinned: PinnedImages, store: Store, logger: Logger) async throws {
        (self.directories, self.store, self.logger) = (directories, store, logger)
        pinnedImages = Mutex(pinned)
        let boot = try Files.readText("/proc/sys/kernel/random/boot_id").filter { !$0.isWhitespace }
        self.boot = boot
        let there = try await BlockingPool.shared.run { try directories.open() }
        mountPoint = try await BlockingPool.shared.run { try directories.mountPoint() }
        let (images, layers) = (try await store.all(Self.images), try await store.all(Self.layers))
        let holders = try await store.all(Self.holders)
        let lost = try await change { catalog in
            let lost = catalog.load(images: images, layers: layers, holders: holders) {
                there.contains($0.digest) && ($0.unsyncedSince ?? boot) == boot
            }
            catalog.repin(pinned)
            return lost
        }
        for image in lost { logger.error("an image lost a layer when the node went down: pull it again", metadata: ["image": "\(image)"]) }
        let (known, documents) = (Set(catalog.layers.keys), catalog.neededDocuments)
        try await BlockingPool.shared.run { try directories.discard(notIn: known, documents: documents) }
        try await collect()
        syncInBackground()
    }

    /// The catalog as it is now.
    var catalog: Catalog { state.withLock { $0 } }

    func setPinned(_ pinned: PinnedImages) async throws {
        let old = pinnedImages.withLock { current in
            defer { current = pinned }
            return current
        }
        do { try await change { $0.repin(pinned) } } catch {
            pinnedImages.withLock { $0 = old }
            throw error
        }
    }

    /// Changes the catalog, durably. Layers that are nobody's afterwards stay.
    @discardableResult
    func change<R: Sendable>(_ body: @escaping @Sendable (inout Catalog) throws -> R) async throws -> R {
        try await uncancelled { [self] in
            try await turn.run { try await commit(body) }
        }
    }

    /// Adds an image with the documents that it came from, by their digests.
    func add(_ image: ImageRecord, documents: [Digest: [UInt8]]) async throws {
        let pinned = pinnedImages.withLock { $0 }
        try await uncancelled { [self] in
            // In turn, so that the same image, while it is being removed, does not take the new one's documents along.
            try await turn.run {
                try await BlockingPool.shared.run { [directories] in
                    for (digest, bytes) in documents { try Files.writeAtomically(bytes, to: directories.document(digest)) }
                }
                try await commit { $0.add(image, pinning: pinned) }
            }
        }
        syncInBackground()
    }

    /// Makes a directory, verified to be what `blob` unpacks to, the layer that it is: where another pull was faster, that one's stays.
    func add(_ layer: LayerRecord, in directory: String, from blob: Digest) async throws -> LayerRecord {
        try await uncancelled { [self] in
            try await turn.run {
                let isNew = catalog.layers[layer.digest] == nil
                try await BlockingPool.shared.run { [directories] in
                    if isNew { try directories.commit(directory, as: layer.digest) } else { try directories.discard(directory) }
                }
                return try await commit { catalog in
                    if isNew { catalog.add(layer) }
                    catalog.verified(blob, of: layer.digest)
                    return catalog.layers[layer.digest] ?? layer
                }
            }
        }
    }

    /// Changes the catalog, durably, and removes the layers and documents that are nobody's afterwards.
    func changeAndCollect(_ body: @escaping @Sendable (inout Catalog) throws -> Void) async throws {
        try await uncancelled { [self] in
            try await turn.run {
                let (layers, documents) = try await commit { catalog in
                    let before = catalog.neededDocuments
                    try body(&catalog)
                    return (catalog.collect(), before.subtracting(catalog.neededDocuments))
                }
                // In turn, so that no pull makes a directory anew that is about to go.
                try await BlockingPool.shared.run { [directories] in try directories.discard(layers: layers, documents: documents) }
            }
        }
        emptyTrash()
    }

    /// Removes what was discarded, in the background: nobody waits for thousands of files.
    func emptyTrash() {
        Task.detached { [self] in
            do {
                try await trashTurn.run { [directories] in try await BlockingPool.shared.run { try directories.emptyTrash() } }
            } catch {
                logger.error("removing discarded directories failed; the next time tries again", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Removes the layers that nobody needs.
    func collect() async throws { try await changeAndCollect { _ in } }

    /// Brings new layers to the disk and notes that they are there. Until then a node that loses power loses them, and only
    /// them: nobody has to wait for the disk.
    private func syncInBackground() {
        let layers = catalog.layers.values.filter { $0.unsyncedSince != nil }.map(\.digest)
        guard !layers.isEmpty else { return }
        Task.detached { [self] in
            do {
                try await BlockingPool.shared.run { [directories] in try directories.sync() }
                try await change { $0.synced(layers) }
            } catch {
                logger.error("bringing layers to the disk failed", metadata: ["error": "\(error)"])
            }
        }
    }

    private func commit<R: Sendable>(_ body: @Sendable (inout Catalog) throws -> R) async throws -> R {
        var changed = catalog
        let result = try body(&changed)
        let changes = changed.takeChanges()
        if !changes.isEmpty {
            try await store.write { transaction in
                for change in changes { try transaction.apply(change) }
            }
        }
        state.withLock { [changed] in $0 = changed }
        return result
    }
}

extension Transaction {
    fileprivate func apply(_ change: Catalog.Change) throws {
        switch change {
        case .putImage(let image): try put(image, in: ContentStore.images)
        case .removeImage(let id): try remove(id, from: ContentStore.images)
        case .putLayer(let layer): try put(layer, in: ContentStore.layers)
        case .removeLayer(let digest): try remove(digest.description, from: ContentStore.layers)
        case .putHolder(let holder): try put(holder, in: ContentStore.holders)
        case .removeHolder(let id): try remove(id, from: ContentStore.holders)
        }
    }
}
