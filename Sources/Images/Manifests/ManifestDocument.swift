import FoundationEssentials
import Linux
import OCI
import Registry

/// A manifest's bytes, read as what their media type says.
enum ManifestDocument {
    case index(ImageIndex)
    case image(ImageManifest)

    private static let schema1 = [
        "application/vnd.docker.distribution.manifest.v1+json", "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ]

    /// - Parameter what: as errors name it.
    /// - Throws: `ImageError.obsoleteManifest`, `.unsupportedMediaType`, `.corrupt`, `.notAnImage`.
    init(_ fetched: FetchedManifest, _ what: String) throws(ImageError) {
        if Self.schema1.contains(fetched.mediaType) { throw .obsoleteManifest(what) }
        let shape = try Self.decode(Shape.self, fetched, what)
        if shape.schemaVersion == 1 { throw .obsoleteManifest(what) }
        switch fetched.mediaType {
        case MediaType.ociIndex, MediaType.dockerList:
            // One document that reads as either is an attempt to show different readers different images.
            guard shape.layers == nil, shape.config == nil else {
                throw .corrupt("the index of \(what)", reason: "it has layers of its own")
            }
            self = .index(try Self.decode(ImageIndex.self, fetched, what))
        case MediaType.ociManifest, MediaType.dockerManifest:
            guard shape.manifests == nil else { throw .corrupt("the manifest of \(what)", reason: "it is an index as well") }
            self = .image(try Self.decode(ImageManifest.self, fetched, what).checked(what))
        default: throw .unsupportedMediaType("the manifest of \(what)", mediaType: fetched.mediaType)
        }
    }

    private struct Shape: Decodable {
        struct Anything: Decodable { init(from decoder: any Decoder) throws {} }
        var schemaVersion: Int?
        var manifests: Anything?
        var layers: Anything?
        var config: Anything?
    }

    private static func decode<T: Decodable>(_ type: T.Type, _ fetched: FetchedManifest, _ what: String) throws(ImageError) -> T {
        do { return try JSONDecoder().decode(type, from: Data(fetched.bytes)) } catch {
            throw .corrupt("the manifest of \(what)", reason: DecodingText.explain(error))
        }
    }
}

extension ImageManifest {
    /// The kernel's bound on an overlay's lower layers, OVL_MAX_STACK.
    static let mostLayers = Overlay.mostLayersInAll
    /// Bytes that a blob may claim to have. The sum over all layers, and what is computed of it, fits into 64 bits.
    static let largestBlob: Int64 = 1 << 46

    /// Whether the configuration is one of an image. Docker's tools of old gave it any type, or none, and what tells then is
    /// that the layers are an image's; in OCI's form the type is what tells an image from an artifact.
    private var isImage: Bool {
        if [MediaType.ociConfig, MediaType.dockerConfig].contains(config.mediaType) { return true }
        let vague = ["", "application/octet-stream", "application/json", "text/html", "text/plain"]
        return vague.contains(config.mediaType) && artifactType ?? "" == "" && !layers.isEmpty
            && layers.allSatisfy { LayerMediaType.isSupported($0.mediaType) }
    }

    /// Checks that it is an image's, and that its layers can be unpacked.
    fileprivate func checked(_ what: String) throws(ImageError) -> ImageManifest {
        guard isImage else {
            throw .notAnImage(what, mediaType: artifactType.flatMap { $0.isEmpty ? nil : $0 } ?? config.mediaType)
        }
        guard layers.count <= Self.mostLayers else { throw .tooManyLayers(what, layers: layers.count, limit: Self.mostLayers) }
        for layer in layers {
            guard LayerMediaType.isSupported(layer.mediaType) else {
                throw .unsupportedMediaType("layer \(layer.digest) of \(what)", mediaType: layer.mediaType)
            }
        }
        guard (layers + [config]).allSatisfy({ (0...Self.largestBlob).contains($0.size) }) else {
            throw .corrupt("the manifest of \(what)", reason: "a size is negative or above \(Self.largestBlob) bytes")
        }
        return self
    }
}
