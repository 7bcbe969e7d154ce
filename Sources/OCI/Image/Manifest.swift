/// What a digest leads to: its type, digest and size, OCI image specification 1.1, descriptor.md.
public struct Descriptor: Codable, Hashable, Sendable {
    /// Empty where the document has none.
    public var mediaType: String
    public var digest: Digest
    /// Bytes.
    public var size: Int64
    public var urls: [String]?
    public var annotations: [String: String]?
    /// In an index: what the manifest is for.
    public var platform: Platform?
    /// In an index: what kind of artifact the manifest is.
    public var artifactType: String?

    public init(
        mediaType: String, digest: Digest, size: Int64, urls: [String]? = nil, annotations: [String: String]? = nil,
        platform: Platform? = nil, artifactType: String? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.urls = urls
        self.annotations = annotations
        self.platform = platform
        self.artifactType = artifactType
    }
}

extension Descriptor {
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        mediaType = try fields.decodeIfPresent(String.self, forKey: .mediaType) ?? ""
        digest = try fields.decode(Digest.self, forKey: .digest)
        size = try fields.decode(Int64.self, forKey: .size)
        urls = try fields.decodeIfPresent([String].self, forKey: .urls)
        annotations = try fields.decodeIfPresent([String: String].self, forKey: .annotations)
        platform = try fields.decodeIfPresent(Platform.self, forKey: .platform)
        artifactType = try fields.decodeIfPresent(String.self, forKey: .artifactType)
    }
}

/// An operating system and a processor, OCI image specification 1.1, image-index.md "platform".
public struct Platform: Codable, Hashable, Sendable {
    public var architecture: String
    public var os: String
    public var variant: String?
    public var osVersion: String?

    enum CodingKeys: String, CodingKey {
        case architecture, os, variant
        case osVersion = "os.version"
    }

    public init(architecture: String, os: String, variant: String? = nil, osVersion: String? = nil) {
        self.architecture = architecture
        self.os = os
        self.variant = variant
        self.osVersion = osVersion
    }
}

/// An image for several platforms: OCI image index, or Docker's manifest list, which has the same shape.
public struct ImageIndex: Codable, Sendable {
    public var schemaVersion: Int
    public var mediaType: String?
    public var manifests: [Descriptor]
    public var annotations: [String: String]?
}

/// One platform's image: OCI image manifest, or Docker's schema 2, which has the same shape.
public struct ImageManifest: Codable, Sendable {
    public var schemaVersion: Int
    public var mediaType: String?
    public var artifactType: String?
    public var config: Descriptor
    public var layers: [Descriptor]
    public var annotations: [String: String]?
}

/// The media types of images, OCI image specification 1.1 media-types.md and Docker's image manifest v2 schema 2.
public enum MediaType {
    public static let ociIndex = "application/vnd.oci.image.index.v1+json"
    public static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
    public static let ociConfig = "application/vnd.oci.image.config.v1+json"
    public static let ociLayer = "application/vnd.oci.image.layer.v1.tar"
    public static let ociLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
    public static let ociLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd"
    public static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    public static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    public static let dockerConfig = "application/vnd.docker.container.image.v1+json"
    public static let dockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    public static let dockerLayer = "application/vnd.docker.image.rootfs.diff.tar"
    public static let dockerForeignLayerGzip = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

    /// Every kind of manifest, in the order in which a registry is asked for them.
    public static let manifests = [ociIndex, dockerList, ociManifest, dockerManifest]
}
