import Linux
import Logging
import OCI
import Registry

import struct Crypto.SHA256

/// Pulls one image from one source.
struct ImagePuller: Sendable {
    let options: ImageOptions
    let content: ContentStore
    let layers: LayerFetcher
    let logger: Logger

    /// Everything is fetched, verified and unpacked before the image is listed; what was finished before a failure stays for
    /// a while, so that a retry goes on from there.
    /// - Parameter caller: whose share of the downloads it has: a namespace.
    /// - Throws: `ImageError`, `RegistryError`, `CancellationError`.
    func pull(
        _ reference: ImageReference, from source: any ImageSource, for caller: String, progress: @escaping @Sendable (PullProgress) -> Void
    ) async throws -> PulledImage {
        let resolver = ManifestResolver(platform: options.platform)
        let resolved = try await resolver.resolve(reference.manifestReference, of: "\(reference)", from: source)
        if let wanted = reference.digest, wanted != resolved.digests[0] {
            throw ImageError.digestMismatch("the manifest of \(reference)", expected: wanted, actual: resolved.digests[0])
        }
        let image = resolved.manifest.config.digest
        let pinned = resolved.configuration.rootfs.diffIDs + [Self.inheritedName(of: image)]
        try await content.change { $0.pin(pinned) }
        do {
            let fetched = try await complete(
                resolved, reference, source, DownloadParty(registry: reference.domain, caller: caller), progress)
            try await content.change { $0.unpin(pinned) }
            return PulledImage(
                id: image.description, reference: reference.digested(resolved.digests[0]).description, fetched: fetched)
        } catch {
            await letGo(pinned, after: error)
            throw error
        }
    }

    /// The name, among the layers, of an image's inherited directories: the digest of something that no archive is, so that no
    /// manifest can name it as one of its own layers.
    private static func inheritedName(of image: Digest) -> Digest {
        Digest(bytes: SHA256.hash(data: Array("inherited directories of \(image)".utf8))) ?? image
    }

    private func complete(
        _ resolved: ResolvedImage, _ reference: ImageReference, _ source: any ImageSource, _ party: DownloadParty,
        _ progress: @escaping @Sendable (PullProgress) -> Void
    ) async throws -> Int64 {
        let fetched = try await fetchLayers(resolved, source, party, progress)
        let inherited = InheritedDirectories(content: content)
        let stack = try await inherited.stack(resolved.configuration.rootfs.diffIDs, image: Self.inheritedName(of: resolved.manifest.config.digest))
        let records = content.catalog.layers
        let size = stack.reduce(UInt64(clamping: resolved.manifest.config.size)) { $0 + (records[$1]?.bytes ?? 0) }
        let record = ImageRecord(
            id: resolved.manifest.config.digest, repoTags: reference.digest == nil ? [reference.listed] : [],
            repoDigests: resolved.digests.map { reference.digested($0).listed }.sorted(), size: size, configuration: resolved.configuration,
            annotations: resolved.manifest.annotations ?? [:], manifest: resolved.manifestDigest, layers: stack)
        try await content.add(record, documents: resolved.documents)
        return fetched
    }

    /// - Returns: compressed bytes that had to be fetched.
    private func fetchLayers(
        _ resolved: ResolvedImage, _ source: any ImageSource, _ party: DownloadParty,
        _ progress: @escaping @Sendable (PullProgress) -> Void
    ) async throws -> Int64 {
        let requests = zip(resolved.manifest.layers, resolved.configuration.rootfs.diffIDs).map {
            LayerFetcher.Request(descriptor: $0, diffID: $1, source: source, party: party)
        }
        return try await withThrowingTaskGroup(of: Int64.self) { group in
            for (index, request) in requests.enumerated() {
                let descriptor = request.descriptor
                let tell = { @Sendable (received: Int64, phase: PullProgress.Phase) in
                    progress(
                        PullProgress(
                            layer: descriptor.digest, index: index, count: requests.count, received: received, size: descriptor.size,
                            phase: phase))
                }
                group.addTask {
                    let (_, fetched) = try await layers.layer(request) { tell($0, .pulling) }
                    tell(descriptor.size, fetched ? .done : .present)
                    return fetched ? descriptor.size : 0
                }
            }
            return try await group.reduce(0, +)
        }
    }

    /// Layers that are finished stay for a retry, unless there is no room for them.
    private func letGo(_ pinned: [Digest], after error: any Error) async {
        let isFull = if case .outOfSpace = ImageError(error, "") { true } else { false }
        let (content, delay, logger) = (content, isFull ? Duration.zero : options.keepUnusedLayers, logger)
        do {
            try await content.change { $0.unpin(pinned) }
        } catch {
            logger.error("letting go of a failed pull's layers failed", metadata: ["error": "\(error)"])
        }
        Task.detached {
            try await Task.sleep(for: delay)
            try await content.collect()
        }
    }
}
