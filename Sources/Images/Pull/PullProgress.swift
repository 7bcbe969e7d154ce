import OCI

/// How far one layer of a pull has come.
public struct PullProgress: Sendable, Equatable {
    public enum Phase: Sendable, Equatable {
        /// On this node already.
        case present
        case pulling
        /// Verified and unpacked.
        case done
    }

    /// The layer's digest in the registry.
    public let layer: Digest
    /// Its place in the image from 0, the lowest layer, and the number of all.
    public let index: Int
    public let count: Int
    /// Compressed bytes received, of `size`.
    public let received: Int64
    public let size: Int64
    public let phase: Phase

    public init(layer: Digest, index: Int, count: Int, received: Int64, size: Int64, phase: Phase) {
        self.layer = layer
        self.index = index
        self.count = count
        self.received = received
        self.size = size
        self.phase = phase
    }
}

/// What a pull gave.
public struct PulledImage: Sendable, Equatable {
    /// `sha256:…`, of the configuration.
    public let id: String
    /// `name@digest`, with the digest of what the name leads to.
    public let reference: String
    /// Compressed bytes that came over the network for it, layers that another pull fetched meanwhile included.
    public let fetched: Int64
}
