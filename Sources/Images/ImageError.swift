import Linux
import OCI
import Registry

/// Why an image could not be pulled, found or removed.
public enum ImageError: Error, Sendable, CustomStringConvertible {
    /// There is no such image on this node.
    case notFound(String)
    case invalidReference(String)
    case registry(image: String, RegistryError)
    /// What came is not what was named.
    case digestMismatch(what: String, expected: String, actual: String)
    /// A layer cannot be read: its compression or its archive is broken.
    case corrupt(layer: Digest, reason: String)
    /// A layer holds something that must not be unpacked.
    case unsafe(layer: Digest, path: String, reason: String)
    case unsupportedMediaType(String, of: String)
    case noMatchingPlatform(wanted: String, available: [String])
    case invalidManifest(String, reason: String)
    /// A layer unpacks to more than is allowed.
    case tooLarge(layer: Digest, limit: Int64)
    case ambiguous(String, count: Int)
    case system(String, SystemError)

    public var description: String {
        switch self {
        case .notFound(let image): "image \(image) is not on this node: pull it first"
        case .invalidReference(let reason): reason
        case .registry(let image, let error): "pulling \(image): \(error)"
        case .digestMismatch(let what, let expected, let actual):
            "\(what) has the digest \(actual) where \(expected) was named: the registry or something on the way changed it; pull again, or ask the registry's owner"
        case .corrupt(let layer, let reason): "layer \(layer) is broken: \(reason); pull again, or push the image anew"
        case .unsafe(let layer, let path, let reason): "layer \(layer) holds '\(path)', which \(reason): the image is malformed or malicious"
        case .unsupportedMediaType(let type, let what): "\(what) has the media type '\(type)', which is not a container image's"
        case .noMatchingPlatform(let wanted, let available):
            "the image has no variant for \(wanted); it has \(available.joined(separator: ", "))"
        case .invalidManifest(let image, let reason): "the manifest of \(image) cannot be used: \(reason)"
        case .tooLarge(let layer, let limit): "layer \(layer) unpacks to more than \(limit) bytes, the limit for what was declared"
        case .ambiguous(let image, let count): "\(count) images have ids that begin with \(image): give more of it"
        case .system(let doing, let error): "\(doing): \(error)"
        }
    }
}
