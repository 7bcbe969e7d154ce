/// Why a text is not an image reference.
public enum ReferenceError: Error, Sendable, Equatable, CustomStringConvertible {
    case empty
    case invalidDomain(String, in: String)
    case invalidPath(String, in: String)
    case upperCase(String)
    case invalidTag(String, in: String)
    case invalidDigest(String, in: String)
    case pathTooLong(String)
    /// 64 hexadecimal digits alone are an image's id, never a name.
    case identifier(String)

    public var description: String {
        switch self {
        case .empty:
            "the image reference is empty: give a name such as registry.example.com/app:1.0"
        case .invalidDomain(let domain, let text):
            "image reference '\(text)': '\(domain)' is not a registry's host[:port], with a port from 1 to 65535"
        case .invalidPath(let path, let text):
            "image reference '\(text)': '\(path)' is not a repository path (lower-case letters, digits, and . _ - between them)"
        case .upperCase(let text):
            "image reference '\(text)': a repository path must be lower case"
        case .invalidTag(let tag, let text):
            "image reference '\(text)': '\(tag)' is not a tag (letters, digits, _ . -, at most 128, not beginning with . or -)"
        case .invalidDigest(let digest, let text):
            "image reference '\(text)': '\(digest)' is not a digest (sha256: and 64 lower-case hexadecimal digits)"
        case .pathTooLong(let text):
            "image reference '\(text.prefix(64))…': the repository path is longer than 255 characters"
        case .identifier(let text):
            "'\(text)' is an image id, not the name of an image in a registry"
        }
    }
}
