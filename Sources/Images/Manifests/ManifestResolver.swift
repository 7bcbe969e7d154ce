import FoundationEssentials
import NIOCore
import OCI
import Registry

import struct Crypto.SHA256

/// What a name leads to: one platform's manifest and configuration, checked against each other.
struct ResolvedImage: Sendable {
    let manifest: ImageManifest
    let configuration: ImageConfiguration
    /// Of the documents on the way, what the name itself leads to first: an index, if there is one, and the manifest.
    let digests: [Digest]
    /// The manifest's and the configuration's bytes.
    let documents: [Digest: [UInt8]]

    var manifestDigest: Digest { digests[digests.endIndex - 1] }
}

/// Goes from a name to one platform's manifest and configuration.
struct ManifestResolver: Sendable {
    let platform: Platform
    /// Bytes of a configuration; the bound is that of manifests.
    static let longestConfiguration: Int64 = 4 << 20
    /// An index may lead to another.
    private static let deepestIndex = 4

    /// - Parameters:
    ///   - reference: a tag or digest.
    ///   - what: the image as errors name it.
    /// - Throws: `ImageError`, `RegistryError`, `CancellationError`.
    func resolve(_ reference: String, of what: String, from source: any ImageSource) async throws -> ResolvedImage {
        var fetched = try await source.manifest(reference)
        var digests = [fetched.digest]
        while true {
            switch try ManifestDocument(fetched, what) {
            case .image(let manifest):
                return try await resolve(manifest, fetched, digests, what, source)
            case .index(let index):
                guard digests.count < Self.deepestIndex else {
                    throw ImageError.corrupt("the index of \(what)", reason: "it is nested too deeply")
                }
                guard let entry = index.entry(for: platform) else {
                    throw ImageError.noMatchingPlatform(what, wanted: platform, offered: index.manifests.compactMap(\.platform))
                }
                fetched = try await source.manifest(entry.digest.description)
                guard fetched.digest == entry.digest else {
                    throw ImageError.digestMismatch("the manifest of \(what)", expected: entry.digest, actual: fetched.digest)
                }
                digests.append(fetched.digest)
            }
        }
    }

    private func resolve(
        _ manifest: ImageManifest, _ fetched: FetchedManifest, _ digests: [Digest], _ what: String, _ source: any ImageSource
    ) async throws -> ResolvedImage {
        let bytes = try await read(manifest.config, "the configuration of \(what)", source)
        let configuration: ImageConfiguration
        do { configuration = try JSONDecoder().decode(ImageConfiguration.self, from: Data(bytes)) } catch {
            throw ImageError.corrupt("the configuration of \(what)", reason: DecodingText.explain(error))
        }
        // One that names no system is taken at its manifest's word, as with other runtimes.
        let os = configuration.os.flatMap { $0.isEmpty ? nil : $0.lowercased() }
        guard os ?? platform.os == platform.os else {
            let own = Platform(architecture: configuration.architecture ?? "", os: os ?? "", variant: configuration.variant)
            throw ImageError.noMatchingPlatform(what, wanted: platform, offered: [own])
        }
        let (layers, diffIDs) = (manifest.layers.count, configuration.rootfs.diffIDs.count)
        guard layers == diffIDs else {
            throw ImageError.corrupt("the manifest of \(what)", reason: "it has \(layers) layers, and its configuration \(diffIDs)")
        }
        return ResolvedImage(
            manifest: manifest, configuration: configuration, digests: digests,
            documents: [fetched.digest: fetched.bytes, manifest.config.digest: bytes])
    }

    /// Reads a small blob whole.
    private func read(_ descriptor: Descriptor, _ what: String, _ source: any ImageSource) async throws -> [UInt8] {
        guard descriptor.size <= Self.longestConfiguration else { throw ImageError.tooLarge(what, limit: Self.longestConfiguration) }
        var bytes: [UInt8] = []
        for try await chunk in try await source.blob(descriptor, from: 0) {
            bytes.append(contentsOf: chunk.readableBytesView)
            guard bytes.count <= descriptor.size else { throw ImageError.corrupt(what, reason: "it is longer than declared") }
        }
        guard let actual = Digest(bytes: SHA256.hash(data: bytes)), actual == descriptor.digest else {
            throw ImageError.digestMismatch(
                what, expected: descriptor.digest, actual: Digest(bytes: SHA256.hash(data: bytes)) ?? descriptor.digest)
        }
        return bytes
    }
}
