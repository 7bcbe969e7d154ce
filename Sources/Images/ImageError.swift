import Glibc
import Linux
import OCI
import Registry

/// Why an image could not be pulled, found, used or removed.
public enum ImageError: Error, Sendable {
    /// There is no such image on this node.
    case notFound(String)
    case invalidReference(ReferenceError)
    /// An id's beginning that several images share.
    case ambiguousID(String, images: Int)
    case registry(RegistryError)
    case digestMismatch(String, expected: Digest, actual: Digest)
    /// What came has its digest, or had no chance to show it, and is not what it should be.
    case corrupt(String, reason: String)
    /// An entry of a layer leads out of the layer.
    case pathEscapes(entry: String, layer: Digest)
    case unsupportedMediaType(String, mediaType: String)
    /// A manifest of something else: a chart, a signature, a policy.
    case notAnImage(String, mediaType: String)
    /// A manifest of Docker's schema 1.
    case obsoleteManifest(String)
    case noMatchingPlatform(String, wanted: Platform, offered: [Platform])
    /// `limit` in bytes.
    case tooLarge(String, limit: Int64)
    case tooManyLayers(String, layers: Int, limit: Int)
    case outOfSpace(String)
    /// Containers, or mounted image volumes, need the image.
    case inUse(image: String, by: [String])
    /// The host refused something: a file, a mount, the database.
    case storage(String, reason: String)
    /// The caller left.
    case cancelled(String)
}

extension ImageError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notFound(let image): "image \(image) is not on this node: pull it first"
        case .invalidReference(let error): error.description
        case .ambiguousID(let prefix, let count): "image id \(prefix) is the beginning of \(count) ids: give more digits"
        case .registry(let error): error.description
        case .digestMismatch(let what, let expected, let actual):
            "\(what) has digest \(actual), not \(expected): it was damaged or changed on the way, pull again; if it stays, push the image anew"
        case .corrupt(let what, let reason):
            "\(what) is damaged: \(reason); pull again, and if it stays, push the image anew"
        case .pathEscapes(let entry, let layer):
            "layer \(layer): entry '\(entry)' leads outside of the layer; the image is malformed or malicious and was not unpacked"
        case .unsupportedMediaType(let what, let type):
            "\(what) has media type '\(type)', which is not supported: rebuild the image with gzip, zstd or plain layers in OCI or Docker schema 2 form"
        case .notAnImage(let what, let type):
            "\(what) is an artifact of type '\(type)', not a container image: check the name"
        case .obsoleteManifest(let what):
            "\(what) has a manifest of Docker schema 1, which is obsolete: push the image again with a current tool"
        case .noMatchingPlatform(let what, let wanted, let offered):
            "\(what) has no image for \(wanted.text); it has \(offered.isEmpty ? "none that names a platform" : offered.map(\.text).joined(separator: ", "))"
        case .tooLarge(let what, let limit): "\(what) is larger than \(limit) bytes, the most that is accepted"
        case .tooManyLayers(let what, let layers, let limit):
            "\(what) has \(layers) layers, and the kernel stacks \(limit) at most: rebuild it with fewer"
        case .outOfSpace(let what): "no space is left for \(what): remove images, or give the file system more room"
        case .inUse(let image, let users):
            "image \(image) is in use by \(users.prefix(5).joined(separator: ", "))\(users.count > 5 ? ", …" : ""): remove the containers first"
        case .storage(let what, let reason): "\(what): \(reason)"
        case .cancelled(let what): "\(what) was given up because the caller left"
        }
    }
}

extension ImageError {
    /// Any failure in `what`, as one of the cases.
    init(_ error: any Error, _ what: String) {
        switch error {
        case let error as ImageError: self = error
        case let error as RegistryError: self = .registry(error)
        case let error as ReferenceError: self = .invalidReference(error)
        case is CancellationError: self = .cancelled(what)
        case let error as SystemError where error.code == ENOSPC || error.code == EDQUOT: self = .outOfSpace(what)
        default: self = .storage(what, reason: "\(error)")
        }
    }
}

extension Platform {
    /// `os/architecture[/variant]`.
    var text: String { ([os, architecture] + (variant.map { [$0] } ?? [])).joined(separator: "/") }
}
