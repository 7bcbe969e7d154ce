import Linux
import Logging
import OCI
import Registry
import Store

/// Where images are kept and what is asked of them.
public struct ImageOptions: Sendable {
    /// Below it go `layers` and the containers' own changes.
    public var root: String
    public var platform: Platform = .host
    /// Names, with `*` at the end or at both, of images that are reported as pinned.
    public var pinned: [String] = []
    /// Layers of one pull that are fetched at once.
    public var parallelLayers = 6

    public init(root: String) { self.root = root }
}

/// The node's images: pulled, found, listed and removed.
public actor ImageService {
    private static let collection = Collection<ImageRecord>("images")

    private let options: ImageOptions
    private let store: Store
    private let registry: RegistryClient
    private let logger: Logger
    private let layers: LayerStore
    private var table: ImageTable
    private let pulls = JoinedWork<String, PulledImage>()

    /// Takes up what is on the disk, without what a crash left half done.
    /// - Throws: `StoreError`, `SystemError`.
    public init(options: ImageOptions, store: Store, registry: RegistryClient, logger: Logger) async throws {
        self.options = options
        self.store = store
        self.registry = registry
        self.logger = logger
        layers = try await LayerStore(directory: "\(options.root)/layers", store: store, logger: logger)
        var whole: [ImageRecord] = []
        for image in try await store.all(Self.collection) {
            var complete = true
            for layer in image.layers where await !layers.has(layer) { complete = false }
            if complete {
                whole.append(image)
            } else {
                logger.warning("an image lost layers when the node went down and has to be pulled again", metadata: ["image": "\(image.id)"])
                try await store.remove(image.id, from: Self.collection)
            }
        }
        table = ImageTable(whole)
        await layers.removeUnused(keeping: table.layers)
    }

    // MARK: Pulling

    /// Pulls an image; the same image asked for twice at once is pulled once.
    ///
    /// - Parameters:
    ///   - credentials: the request's own; they win over the node's files.
    ///   - namespace: the pod's Kubernetes namespace, for credentials kept for namespaces.
    ///   - progress: told of each layer's bytes, from any thread.
    /// - Throws: `ImageError`; `CancellationError` where the caller leaves, and then the pull goes on.
    public func pull(
        _ image: String, credentials: RegistryCredentials? = nil, namespace: String? = nil,
        progress: (@Sendable (PullProgress) -> Void)? = nil
    ) async throws -> PulledImage {
        // Others' credentials are others' pulls: who may not have it must not get it by joining.
        let key = "\(image) \(credentials?.hashValue ?? 0) \(namespace ?? "")"
        return try await pulls.result(for: key) { [self] in
            try await pullNow(image, credentials, namespace, progress ?? { _ in })
        }
    }

    private func pullNow(
        _ image: String, _ credentials: RegistryCredentials?, _ namespace: String?, _ progress: @escaping @Sendable (PullProgress) -> Void
    ) async throws -> PulledImage {
        let started = ContinuousClock.now
        var last: (any Error)?
        for reference in try candidates(image) {
            do {
                let source = try registry.source(for: reference, credentials: credentials, namespace: namespace)
                let resolved = try await ManifestResolver(platform: options.platform).resolve(reference, from: source)
                let record = try await fetch(resolved, from: source, progress)
                let pulled = try await commit(record, reference, resolved.digest)
                logger.info(
                    "image pulled",
                    metadata: ["image": "\(reference)", "id": "\(pulled.id)", "bytes": "\(record.size)", "took": "\(ContinuousClock.now - started)"])
                return pulled
            } catch let error as RegistryError {
                last = ImageError.registry(image: "\(reference)", error)
            } catch {
                last = error
            }
        }
        throw last ?? ImageError.invalidReference("'\(image)' names no image")
    }

    private func fetch(
        _ resolved: ResolvedManifest, from source: any ImageSource, _ progress: @escaping @Sendable (PullProgress) -> Void
    ) async throws -> ImageRecord {
        let diffIDs = resolved.configuration.rootfs.diffIDs
        let work = Array(zip(resolved.manifest.layers, diffIDs))
        await layers.hold(diffIDs)
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, (descriptor, diffID)) in work.enumerated() {
                    if index >= options.parallelLayers { try await group.next() }
                    group.addTask { [layers] in
                        try await layers.fetch(descriptor, diffID: diffID, from: source) {
                            progress(PullProgress(layer: descriptor.digest, received: $0, size: descriptor.size))
                        }
                    }
                }
                try await group.waitForAll()
            }
        } catch {
            await layers.letGo(diffIDs)
            await layers.removeUnused(keeping: table.layers)
            throw error
        }
        let size = resolved.manifest.layers.reduce(resolved.manifest.config.size) { $0 + $1.size }
        return ImageRecord(
            id: "\(resolved.manifest.config.digest)", repoTags: [], repoDigests: [], size: UInt64(clamping: size),
            configuration: resolved.configuration, layers: diffIDs)
    }

    private func commit(_ record: ImageRecord, _ reference: ImageReference, _ digest: Digest) async throws -> PulledImage {
        let name = "\(reference.name)@\(digest)"
        let changed = table.add(record, tag: reference.tagged, digest: name)
        try await store.write { transaction in
            for image in changed { try transaction.put(image, in: Self.collection) }
        }
        await layers.letGo(record.layers)
        Task { [layers] in await layers.settle(record.layers) }
        return PulledImage(id: record.id, reference: name)
    }

    // MARK: Finding

    private func candidates(_ image: String) throws -> [ImageReference] {
        do { return try registry.candidates(for: image) } catch let error as RegistryError {
            throw ImageError.registry(image: image, error)
        } catch {
            throw ImageError.invalidReference("\(error)")
        }
    }

    /// The image of an id, a beginning of one, a name with tag or digest, or a short name; nil where there is none.
    /// - Throws: `ImageError`.
    public func resolve(_ image: String) throws -> ImageRecord? {
        // What is no name may still be an id.
        let names = (try? registry.candidates(for: image)) ?? []
        if names.isEmpty, !image.allSatisfy({ $0.isHexDigit }), !image.hasPrefix("sha256:") { _ = try candidates(image) }
        return try table.find(image, candidates: names).map(withPin)
    }

    /// The images, all or the one that is named.
    public func list(_ image: String? = nil) throws -> [ImageRecord] {
        if let image { return try resolve(image).map { [$0] } ?? [] }
        return table.images.values.map(withPin).sorted { $0.id < $1.id }
    }

    private func withPin(_ image: ImageRecord) -> ImageRecord {
        var image = image
        image.pinned = options.pinned.contains { pattern in (image.repoTags + image.repoDigests).contains { Glob.matches($0, pattern) } }
        return image
    }

    /// The directories of an image's layers, the topmost first, as overlay takes them.
    func layerPaths(_ image: ImageRecord) async -> [String] {
        var paths: [String] = []
        for layer in image.layers.reversed() { paths.append(await layers.path(layer)) }
        return paths
    }

    // MARK: Removing

    /// Takes a name from an image, or by its id removes it with all names. Idempotent.
    /// - Throws: `ImageError`.
    public func remove(_ image: String) async throws {
        guard let found = try resolve(image) else { return }
        let named = ((try? registry.candidates(for: image)) ?? []).first { found.isNamed($0) }
        let left = table.remove(found.id, named: named)
        try await store.write { transaction in
            if let left {
                try transaction.put(left, in: Self.collection)
            } else {
                try transaction.remove(found.id, from: Self.collection)
            }
        }
        if left == nil {
            logger.info("image removed", metadata: ["image": "\(found.id)"])
            await layers.removeUnused(keeping: table.layers)
        }
    }

    /// What the layers take: the directory they are in, bytes, inodes.
    public func usage() async -> (path: String, bytes: UInt64, inodes: UInt64) {
        let usage = await layers.usage
        return ("\(options.root)/layers", usage.bytes, usage.inodes)
    }
}

/// Names with `*` at the end, or at both ends, as CRI-O's pinned_images has them.
enum Glob {
    static func matches(_ name: String, _ pattern: String) -> Bool {
        if pattern.hasPrefix("*"), pattern.hasSuffix("*"), pattern.count > 1 { return name.contains(pattern.dropFirst().dropLast()) }
        if pattern.hasSuffix("*") { return name.hasPrefix(pattern.dropLast()) }
        return name == pattern
    }
}
