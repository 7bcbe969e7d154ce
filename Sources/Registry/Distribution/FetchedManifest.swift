import OCI

import struct Crypto.SHA256

/// A manifest as the registry sent it: its digest is that of the bytes, whatever the registry says.
public struct FetchedManifest: Sendable, Equatable {
    public let bytes: [UInt8]
    public let mediaType: String
    public let digest: Digest

    public init(bytes: [UInt8], mediaType: String) {
        (self.bytes, self.mediaType, self.digest) = (bytes, mediaType, sha256(bytes))
    }
}

func sha256(_ bytes: [UInt8]) -> Digest {
    guard let digest = Digest(bytes: SHA256.hash(data: bytes)) else { preconditionFailure("a SHA-256 sum has 32 bytes") }
    return digest
}
