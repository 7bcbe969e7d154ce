import FoundationEssentials
import OCI

/// Looks at a manifest's bytes and headers before anything believes them. Distribution specification 1.1, "Pulling manifests".
struct ManifestCheck: Sendable {
    /// The most that the specification asks registries to take.
    static let longest = 4 << 20

    /// What was asked for, as errors name it.
    let what: String
    let registry: String
    /// Set if it was asked for by digest.
    let expected: Digest?

    /// - Parameters:
    ///   - contentType: without parameters, lower case.
    ///   - declaredDigest: the Docker-Content-Digest header. An unknown algorithm there is passed over.
    func accept(_ bytes: [UInt8], contentType: String?, declaredDigest: String?) throws -> FetchedManifest {
        guard let mediaType = Self.mediaType(of: bytes, contentType: contentType) else {
            if Self.isHTML(contentType) { throw RegistryError.notARegistry(registry) }
            throw RegistryError.unexpectedAnswer(
                registry: registry, problem: "what it gives for \(what) is no image manifest (\(contentType ?? "no media type"))")
        }
        let manifest = FetchedManifest(bytes: bytes, mediaType: mediaType)
        if let expected, manifest.digest != expected {
            throw RegistryError.digestMismatch(what, registry: registry, expected: expected, actual: manifest.digest.description)
        }
        if let declared = declaredDigest.flatMap({ Digest($0) }), declared != manifest.digest {
            throw RegistryError.digestMismatch(what, registry: registry, expected: declared, actual: manifest.digest.description)
        }
        return manifest
    }

    static func isHTML(_ contentType: String?) -> Bool { contentType == "text/html" || contentType == "application/xhtml+xml" }

    /// The header's type if it names one of a manifest; else what the document says of itself; else what its shape says.
    private static func mediaType(of bytes: [UInt8], contentType: String?) -> String? {
        let generic: Set<String?> = [nil, "", "application/json", "text/plain", "application/octet-stream", "binary/octet-stream"]
        if let contentType, !generic.contains(contentType), !isHTML(contentType) { return contentType }
        guard !isHTML(contentType), let shape = try? JSONDecoder().decode(Shape.self, from: Data(bytes)) else { return nil }
        if let mediaType = shape.mediaType, !mediaType.isEmpty { return mediaType }
        // A document that is both is an attempt to mean different images to different readers.
        switch (shape.manifests != nil, shape.layers != nil || shape.config != nil) {
        case (true, false): return MediaType.ociIndex
        case (false, true): return MediaType.ociManifest
        default: return nil
        }
    }

    private struct Shape: Decodable {
        struct Anything: Decodable { init(from decoder: any Decoder) throws {} }
        var mediaType: String?
        var manifests: Anything?
        var layers: Anything?
        var config: Anything?
    }
}
