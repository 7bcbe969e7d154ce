import OCI

/// How far a layer of a pull has come.
public struct PullProgress: Sendable, Equatable {
    public let layer: Digest
    /// Compressed bytes received, of `size`.
    public let received: Int64
    public let size: Int64
}

/// What a pull gave.
public struct PulledImage: Sendable, Equatable {
    /// `sha256:…`, of the configuration.
    public let id: String
    /// `name@digest`.
    public let reference: String
}
