import OCI
import Store

/// An image on this node. Its id is the digest of its configuration.
public struct ImageRecord: Codable, Sendable, Identifiable, Equatable {
    /// `sha256:…`.
    public let id: String
    /// `name:tag`.
    public var repoTags: [String]
    /// `name@digest`.
    public var repoDigests: [String]
    /// Bytes of the layers as the registry has them, and of the configuration.
    public var size: UInt64
    public var configuration: ImageConfiguration
    /// The layers by their diff ids, the lowest first.
    public var layers: [Digest]
    /// Whether the node's configuration keeps it from being removed.
    public var pinned = false

    public init(
        id: String, repoTags: [String], repoDigests: [String], size: UInt64, configuration: ImageConfiguration, layers: [Digest]
    ) {
        self.id = id
        self.repoTags = repoTags
        self.repoDigests = repoDigests
        self.size = size
        self.configuration = configuration
        self.layers = layers
    }
}

/// A layer on this node, unpacked into a directory of its own. Its id is the digest of its uncompressed archive.
struct LayerRecord: Codable, Sendable, Identifiable, Equatable {
    let id: String
    /// Bytes and inodes that it takes.
    var bytes: UInt64
    var inodes: UInt64
    /// The boot during which it was written, as long as it is not known to be on the disk; nil from then on.
    var volatileSince: String?
}
