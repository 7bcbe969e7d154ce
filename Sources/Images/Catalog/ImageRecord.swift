import OCI

/// An image on this node.
public struct ImageRecord: Codable, Sendable, Identifiable, Equatable {
    /// The configuration's digest, `sha256:…`.
    public let id: String
    /// `registry/path:tag`, sorted.
    public internal(set) var repoTags: [String]
    /// `registry/path@digest`, sorted: the manifest's, and the index's where one led to it.
    public internal(set) var repoDigests: [String]
    /// Bytes that the image takes on disk, unpacked.
    public let size: UInt64
    /// Whether the node's configuration keeps it from being collected.
    public internal(set) var pinned: Bool
    public let configuration: ImageConfiguration
    /// The manifest's annotations.
    public let annotations: [String: String]
    /// The digest of the image's own manifest.
    public let manifest: Digest
    /// What its root file system is stacked from, the lowest first: names of layers on disk.
    public let layers: [Digest]

    public init(
        id: Digest, repoTags: [String] = [], repoDigests: [String] = [], size: UInt64, pinned: Bool = false,
        configuration: ImageConfiguration, annotations: [String: String] = [:], manifest: Digest, layers: [Digest]
    ) {
        self.id = id.description
        (self.repoTags, self.repoDigests, self.size, self.pinned) = (repoTags, repoDigests, size, pinned)
        (self.configuration, self.annotations, self.manifest, self.layers) = (configuration, annotations, manifest, layers)
    }

    /// Names under which it can be asked for.
    var names: [String] { repoTags + repoDigests }
}

/// A layer's directory on disk.
struct LayerRecord: Codable, Sendable, Identifiable, Equatable {
    /// The digest of the uncompressed archive; of an image's inherited directories, the image's id.
    let digest: Digest
    /// On disk, in bytes, whole blocks.
    let bytes: UInt64
    let inodes: UInt64
    /// Directories that the archive implies and does not describe: in an image they look as in the layers below.
    let implied: [LayerPath]
    /// Whether it hides all layers below: its root is opaque. Overlay itself looks for that in other directories only.
    let hidesAll: Bool
    /// The boot of the node during which it was written, while its content may not be on disk yet; nil from then on.
    var unsyncedSince: String?
    /// Blobs that were fetched and found to unpack to this layer. Nobody gets the layer but by one of them: what a manifest
    /// claims of a digest's content proves nothing. Nil in records of older releases.
    var blobs: [Digest]?

    var id: String { digest.description }
}

/// Someone who needs an image's layers: a container's root file system, or a mounted image.
struct LayerHolder: Codable, Sendable, Identifiable, Equatable {
    /// The container's id, or the directory where the image is mounted.
    let id: String
    let image: String
    let layers: [Digest]
}
