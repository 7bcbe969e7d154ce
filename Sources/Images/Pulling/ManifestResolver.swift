import struct Crypto.SHA256
import FoundationEssentials
import NIOCore
import OCI
import Registry

/// What a name leads to: one platform's manifest with its configuration, checked against each other.
struct ResolvedManifest: Sendable {
    /// Of what the name itself leads to: the index where there is one.
    let digest: Digest
    let manifest: ImageManifest
    let configuration: ImageConfiguration
}

/// Goes from a name to one platform's manifest and configuration.
struct ManifestResolver: Sendable {
    let platform: Platform
    /// Bytes; the same bound as for manifests.
    private let largestConfiguration: Int64 = 4 << 20

    init(platform: Platform) { self.platform = platform }

    func resolve(_ reference: ImageReference, from source: any ImageSource) async throws -> ResolvedManifest {
        let top = try await source.manifest(reference.manifestReference)
        var fetched = top
        if ManifestKind(fetched) == .index {
            let index = try decode(ImageIndex.self, fetched, reference)
            fetched = try await source.manifest("\(try choose(index).digest)")
        }
        guard ManifestKind(fetched) == .image else {
            throw ImageError.unsupportedMediaType(fetched.mediaType, of: "the manifest of \(reference)")
        }
        let manifest = try decode(ImageManifest.self, fetched, reference)
        return ResolvedManifest(
            digest: top.digest, manifest: manifest, configuration: try await configuration(of: manifest, reference, source))
    }

    private func decode<T: Decodable>(_ type: T.Type, _ fetched: FetchedManifest, _ reference: ImageReference) throws -> T {
        do { return try JSONDecoder().decode(type, from: Data(fetched.bytes)) } catch {
            throw ImageError.invalidManifest("\(reference)", reason: "\(error)")
        }
    }

    /// The entry for this platform: the same variant if there is one, else one of none or of an older variant.
    func choose(_ index: ImageIndex) throws(ImageError) -> Descriptor {
        let fitting = index.manifests.filter { $0.platform?.os == platform.os && $0.platform?.architecture == platform.architecture }
        let exact = fitting.first { $0.platform?.variant == platform.variant }
        if let entry = exact ?? fitting.first(where: { $0.platform?.variant == nil }) ?? fitting.first { return entry }
        if index.manifests.count == 1, let only = index.manifests.first, only.platform == nil { return only }
        throw .noMatchingPlatform(wanted: platform.text, available: index.manifests.compactMap { $0.platform?.text })
    }

    private func configuration(
        of manifest: ImageManifest, _ reference: ImageReference, _ source: any ImageSource
    ) async throws -> ImageConfiguration {
        guard [MediaType.ociConfig, MediaType.dockerConfig].contains(manifest.config.mediaType) else {
            throw ImageError.unsupportedMediaType(manifest.config.mediaType, of: "the configuration of \(reference)")
        }
        guard manifest.config.size <= largestConfiguration else {
            throw ImageError.invalidManifest("\(reference)", reason: "its configuration has \(manifest.config.size) bytes")
        }
        var bytes: [UInt8] = []
        for try await chunk in try await source.blob(manifest.config, from: 0) { bytes.append(contentsOf: chunk.readableBytesView) }
        let actual = Digest(bytes: SHA256.hash(data: bytes))
        guard actual == manifest.config.digest else {
            throw ImageError.digestMismatch(
                what: "the configuration of \(reference)", expected: "\(manifest.config.digest)", actual: actual?.description ?? "none")
        }
        let configuration: ImageConfiguration
        do { configuration = try JSONDecoder().decode(ImageConfiguration.self, from: Data(bytes)) } catch {
            throw ImageError.invalidManifest("\(reference)", reason: "its configuration does not decode: \(error)")
        }
        guard configuration.rootfs.diffIDs.count == manifest.layers.count else {
            throw ImageError.invalidManifest(
                "\(reference)", reason: "it has \(manifest.layers.count) layers and its configuration \(configuration.rootfs.diffIDs.count)")
        }
        return configuration
    }
}

/// What a manifest is, by the media type it came with, else by its own word.
enum ManifestKind: Equatable {
    case index, image, other

    init(_ fetched: FetchedManifest) {
        let type = fetched.mediaType.prefix { $0 != ";" }
        switch String(type) {
        case MediaType.ociIndex, MediaType.dockerList: self = .index
        case MediaType.ociManifest, MediaType.dockerManifest: self = .image
        default:
            struct Shape: Decodable {
                var mediaType: String?
                var manifests: [Descriptor]?
                var config: Descriptor?
            }
            // Some servers answer application/json for all.
            guard ["application/json", ""].contains(String(type)),
                let shape = try? JSONDecoder().decode(Shape.self, from: Data(fetched.bytes))
            else {
                self = .other
                return
            }
            self = shape.manifests != nil ? .index : shape.config != nil ? .image : .other
        }
    }
}

extension Platform {
    /// What this program was built for.
    public static var host: Platform {
        #if arch(arm64)
            Platform(architecture: "arm64", os: "linux", variant: "v8")
        #else
            Platform(architecture: "amd64", os: "linux")
        #endif
    }

    var text: String { "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "") }
}
