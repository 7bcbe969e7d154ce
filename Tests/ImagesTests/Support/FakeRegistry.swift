import FoundationEssentials
import NIOCore
import OCI
import Registry
import Synchronization

import struct Crypto.SHA256

@testable import Images

func digest(of bytes: [UInt8]) -> Digest {
    guard let digest = Digest(bytes: SHA256.hash(data: bytes)) else { preconditionFailure("a SHA-256 sum has 32 bytes") }
    return digest
}

/// A registry in memory, which can be made to misbehave.
final class FakeRegistry: ImageRegistry, ImageSource {
    struct Content {
        var manifests: [String: FetchedManifest] = [:]
        var blobs: [Digest: [UInt8]] = [:]
        /// How often each blob was asked for.
        var reads: [Digest: Int] = [:]
        var chunkSize = 1000
        /// Runs before each chunk of a blob, with the blob and the offset.
        var beforeChunk: (@Sendable (Digest, Int) async throws -> Void)?
        var candidates: [String: [String]] = [:]
        var refusal: RegistryError?
        /// Namespaces whose policy rejects all.
        var rejectedNamespaces: Set<String> = []
    }

    let content = Mutex(Content())

    func candidates(for image: String) throws -> [ImageReference] {
        let names = content.withLock { $0.candidates[image] } ?? [image]
        return try names.map { try ImageReference(normalized: $0) }
    }

    func source(for reference: ImageReference, credentials: RegistryCredentials?, namespace: String?) throws -> any ImageSource {
        if let refusal = content.withLock({ $0.refusal }) { throw refusal }
        return self
    }

    func checkPolicy(_ references: [ImageReference], namespace: String?) async throws {
        guard content.withLock({ $0.rejectedNamespaces.contains(namespace ?? "") }), let first = references.first else { return }
        throw RegistryError.rejectedByPolicy(first.description, scope: "default")
    }

    func manifest(_ reference: String) async throws -> FetchedManifest {
        guard let manifest = content.withLock({ $0.manifests[reference] }) else {
            throw RegistryError.notFound(reference, registry: "fake")
        }
        return manifest
    }

    func blob(_ descriptor: Descriptor, from offset: Int64) async throws -> AsyncThrowingStream<ByteBuffer, any Error> {
        let (blob, size, hook) = content.withLock { content in
            content.reads[descriptor.digest, default: 0] += 1
            return (content.blobs[descriptor.digest], content.chunkSize, content.beforeChunk)
        }
        guard let blob else { throw RegistryError.notFound("\(descriptor.digest)", registry: "fake") }
        let position = Mutex(Int(offset))
        return AsyncThrowingStream {
            let start = position.withLock { $0 }
            try await hook?(descriptor.digest, start)
            guard start < blob.count else { return nil }
            let end = min(blob.count, start + size)
            position.withLock { $0 = end }
            return ByteBuffer(bytes: blob[start..<end])
        }
    }

    func reads(_ digest: Digest) -> Int { content.withLock { $0.reads[digest] ?? 0 } }

    /// Puts a document that the tag, if any, leads to.
    @discardableResult
    func put(_ document: [UInt8], type: String, tag: String? = nil) -> Digest {
        let manifest = FetchedManifest(bytes: document, mediaType: type)
        content.withLock {
            $0.manifests[manifest.digest.description] = manifest
            if let tag { $0.manifests[tag] = manifest }
        }
        return manifest.digest
    }

    func put(blob: [UInt8], as name: Digest? = nil) -> Digest {
        let name = name ?? digest(of: blob)
        content.withLock { $0.blobs[name] = blob }
        return name
    }
}

/// A layer as it is pushed: the archive, and what it is compressed to.
struct FakeLayer {
    var archive: [UInt8]
    var blob: [UInt8]
    var mediaType = MediaType.ociLayerGzip
    /// What the manifest says of the blob, where it lies.
    var declaredDigest: Digest?
    var declaredSize: Int?
    var declaredDiffID: Digest?

    init(_ build: (inout TarBuilder) -> Void) {
        var tar = TarBuilder()
        build(&tar)
        self.init(archive: tar.archive)
    }

    init(archive: [UInt8]) {
        self.archive = archive
        blob = gzip(archive)
    }

    var diffID: Digest { declaredDiffID ?? digest(of: archive) }
    var descriptor: Descriptor {
        Descriptor(mediaType: mediaType, digest: declaredDigest ?? digest(of: blob), size: Int64(declaredSize ?? blob.count))
    }
}

extension FakeRegistry {
    /// Pushes an image of `layers` under `tag`.
    /// - Returns: the digests of its configuration and of its manifest.
    @discardableResult
    func push(
        _ layers: [FakeLayer], tag: String?, user: String? = nil, platform: Platform? = .host, manifestType: String = MediaType.ociManifest,
        configType: String = MediaType.ociConfig
    ) throws -> (id: Digest, manifest: Digest) {
        for layer in layers { _ = put(blob: layer.blob, as: layer.descriptor.digest) }
        let configuration = ImageConfiguration(
            architecture: platform?.architecture, os: platform?.os, variant: platform?.variant, config: .init(user: user),
            rootfs: .init(diffIDs: layers.map(\.diffID)))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = Array(try encoder.encode(configuration))
        let id = put(blob: text)
        let manifest = Manifest(
            mediaType: manifestType, config: Descriptor(mediaType: configType, digest: id, size: Int64(text.count)),
            layers: layers.map(\.descriptor))
        return (id, put(Array(try encoder.encode(manifest)), type: manifestType, tag: tag))
    }
}

private struct Manifest: Encodable {
    let schemaVersion = 2
    let mediaType: String
    let config: Descriptor
    let layers: [Descriptor]
}
