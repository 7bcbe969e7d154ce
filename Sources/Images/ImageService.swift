import FoundationEssentials
import Linux
import Logging
import OCI
import Registry
import Store

/// The node's images: pulled, found, listed and removed.
public final class ImageService: Sendable {
    let options: ImageOptions
    let content: ContentStore
    let logger: Logger
    private let registry: any ImageRegistry
    private let puller: ImagePuller
    private let pulls: SharedWork<PullKey, PulledImage, PullProgress>

    /// What makes two pulls the same one. Others' credentials are others' pulls: nobody gets an image by joining.
    private struct PullKey: Hashable, Sendable {
        let image: String
        let credentials: RegistryCredentials?
        let namespace: String?
    }

    /// Takes up what is on disk, and removes what a crash left half done.
    /// - Throws: `ImageError.storage`, `.outOfSpace`.
    public convenience init(options: ImageOptions, store: Store, registry: RegistryClient, logger: Logger) async throws(ImageError) {
        try await self.init(options: options, store: store, source: registry, logger: logger)
    }

    init(options: ImageOptions, store: Store, source: any ImageRegistry, logger: Logger) async throws(ImageError) {
        (self.options, self.logger, registry) = (options, logger, source)
        pulls = SharedWork(linger: options.keepAbandonedPulls)
        do {
            content = try await ContentStore(
                directories: ImageDirectories(root: options.root, runRoot: options.runRoot),
                pinned: PinnedImages(patterns: options.pinnedImages), store: store, logger: logger)
        } catch {
            throw ImageError(error, "opening the images in \(options.root)")
        }
        puller = ImagePuller(
            options: options, content: content, layers: LayerFetcher(content: content, options: options), logger: logger)
    }

    /// Pulls an image. The same image, asked for twice at once, is pulled once; a pull that all callers left goes on for a while,
    /// as the next attempt joins it, and then ends.
    ///
    /// A registry is asked even for an image that is here, as it decides who may have it and where a tag leads.
    /// - Parameters:
    ///   - image: a name as users write it; a short one goes through the search registries.
    ///   - credentials: the caller's, which win over the node's own.
    ///   - namespace: the pod's.
    ///   - progress: told how far each layer is, from any thread, in order for each layer.
    public func pull(
        _ image: String, credentials: RegistryCredentials? = nil, namespace: String? = nil,
        progress: (@Sendable (PullProgress) -> Void)? = nil
    ) async throws(ImageError) -> PulledImage {
        let key = PullKey(image: image, credentials: credentials, namespace: namespace)
        do {
            return try await pulls.value(for: key, observer: progress) { [self] tell in
                try await pull(key, tell)
            }
        } catch {
            throw ImageError(error.error, "pulling \(image)")
        }
    }

    private func pull(_ key: PullKey, _ progress: @escaping @Sendable (PullProgress) -> Void) async throws -> PulledImage {
        let started = ContinuousClock.now
        var failure: (any Error)?
        for reference in try registry.candidates(for: key.image) {
            do {
                let source = try registry.source(for: reference, credentials: key.credentials, namespace: key.namespace)
                let pulled = try await puller.pull(reference, from: source, for: key.namespace ?? "", progress: progress)
                logger.info(
                    "image pulled",
                    metadata: [
                        "image": "\(reference)", "id": "\(pulled.id)", "fetched_bytes": "\(pulled.fetched)",
                        "took": "\(ContinuousClock.now - started)",
                    ])
                return pulled
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.info("pulling failed", metadata: ["image": "\(reference)", "error": "\(error)"])
                // Of several places, one that has the image and cannot give it says more than one that has it not.
                if failure.map(Self.isNotFound) ?? true { failure = error }
            }
        }
        throw failure ?? ImageError.notFound(key.image)
    }

    private static func isNotFound(_ error: any Error) -> Bool {
        if case .notFound = (error as? RegistryError)?.root { true } else { false }
    }

    /// The image of an id, the beginning of one, a name with tag or digest, or a short name; nil where there is none.
    /// - Throws: `ImageError.invalidReference`, `.ambiguousID`, `.registry` for a short name that leads nowhere.
    public func resolve(_ image: String) async throws(ImageError) -> ImageRecord? {
        let catalog = content.catalog
        if case .idDigits(let digits) = ImageName(image) {
            if let found = try catalog.image(idPrefix: digits) { return found }
            // Digits alone may be a name, but need not be one.
            guard digits == image, let names = try? registry.candidates(for: image) else { return nil }
            return names.lazy.compactMap { catalog.image(tag: $0.listed) }.first
        }
        do {
            for reference in try registry.candidates(for: image) {
                let found = reference.digest == nil ? catalog.image(tag: reference.listed) : catalog.image(repoDigest: reference.listed)
                if let found { return found }
            }
            return nil
        } catch {
            throw ImageError(error, "looking for \(image)")
        }
    }

    /// Whether the signature policy lets a pod use an image that is here: another namespace, whose policy differs, may have
    /// pulled it.
    /// - Parameters:
    ///   - name: what the pod's author called it; where that is no name of the image, each of the image's own is as good.
    ///   - namespace: the pod's.
    /// - Throws: `ImageError.registry`.
    public func checkPolicy(_ image: ImageRecord, as name: String, namespace: String) async throws(ImageError) {
        do {
            // The candidates of a short name, or the name itself; an id and what is malformed name nothing.
            let candidates = (try? registry.candidates(for: name)) ?? []
            let asked = candidates.filter { image.names.contains($0.listed) }
            let names = asked.isEmpty ? image.names.compactMap { try? ImageReference(normalized: $0) } : asked
            guard !names.isEmpty else { return }
            try await registry.checkPolicy(names, namespace: namespace)
        } catch {
            throw ImageError(error, "checking the signature policy for \(name)")
        }
    }

    /// The images in the order of their ids: all, or the one that is named.
    public func list(_ filter: String? = nil) async throws(ImageError) -> [ImageRecord] {
        if let filter, !filter.isEmpty { return try await resolve(filter).map { [$0] } ?? [] }
        return content.catalog.images.values.sorted { $0.id < $1.id }
    }

    /// Removes an image with all of its names, by whichever of them it is called, as the CRI wants it. One that is not
    /// there is no error. Its layers go once no other image has them.
    /// - Throws: `ImageError.inUse` while a container or a mount needs it.
    public func remove(_ image: String) async throws(ImageError) {
        guard let found = try await resolve(image) else { return }
        do {
            try await content.changeAndCollect { try $0.remove(found.id) }
        } catch {
            throw ImageError(error, "removing \(image)")
        }
        logger.info("image removed", metadata: ["image": "\(image)", "id": "\(found.id)"])
    }

    /// The manifest's and the configuration's text, as they came.
    /// - Throws: `ImageError.storage`.
    public func documents(of image: ImageRecord) async throws(ImageError) -> (manifest: String, configuration: String) {
        let directories = content.directories
        do {
            guard let id = Digest(image.id) else { throw ImageError.notFound(image.id) }
            return try await BlockingPool.shared.run {
                (try Files.readText(directories.document(image.manifest)), try Files.readText(directories.document(id)))
            }
        } catch {
            throw ImageError(error, "reading the manifest of \(image.id)")
        }
    }

    /// What the layers take.
    public func usage() async throws(ImageError) -> [FilesystemUsage] {
        let layers = content.catalog.layers.values
        return [
            FilesystemUsage(
                mountpoint: content.mountPoint, bytes: layers.reduce(0) { $0 + $1.bytes },
                inodes: layers.reduce(0) { $0 + $1.inodes })
        ]
    }

    /// Takes other patterns of pinned images, after the configuration changed.
    public func setPinnedImages(_ patterns: [String]) async throws(ImageError) {
        do { try await content.setPinned(PinnedImages(patterns: patterns)) } catch { throw ImageError(error, "pinning images") }
    }
}

/// What something takes of a file system.
public struct FilesystemUsage: Sendable, Equatable {
    /// Where the file system is mounted.
    public let mountpoint: String
    public let bytes: UInt64
    public let inodes: UInt64
}

/// Where images come from, as far as this module knows.
protocol ImageRegistry: Sendable {
    func candidates(for image: String) throws -> [ImageReference]
    func source(for reference: ImageReference, credentials: RegistryCredentials?, namespace: String?) throws -> any ImageSource
    func checkPolicy(_ references: [ImageReference], namespace: String?) async throws
}

extension RegistryClient: ImageRegistry {}
