import OCI

/// The name of an image in a registry: `domain/path`, and a tag, a digest or both.
///
/// Grammar and normalisation are those of github.com/distribution/reference: a name without a domain belongs to
/// `docker.io`, there one without a `/` to `library/`, and one with neither tag nor digest means the tag `latest`.
public struct ImageReference: Hashable, Sendable, CustomStringConvertible {
    /// Host and, where written, port: `docker.io`, `localhost:5000`, `[::1]:5000`.
    public let domain: String
    /// The repository within the registry, without a leading `/`.
    public let path: String
    public let tag: String?
    public let digest: Digest?

    static let dockerHub = "docker.io"
    static let longestPath = 255

    /// Reads a reference as users write them, and completes it.
    public init(normalized text: String) throws(ReferenceError) {
        let parts = try ReferenceParts(text)
        var (domain, path) = (parts.domain.map(String.init) ?? Self.dockerHub, String(parts.path))
        if domain == "index.docker.io" { domain = Self.dockerHub }
        if domain == Self.dockerHub, !path.contains("/") { path = "library/" + path }
        guard path.utf8.count <= Self.longestPath else { throw .pathTooLong(text) }
        self.domain = domain
        self.path = path
        self.digest = parts.digest
        self.tag = parts.tag.map(String.init) ?? (parts.digest == nil ? "latest" : nil)
    }

    private init(domain: String, path: String, tag: String?, digest: Digest?) {
        (self.domain, self.path, self.tag, self.digest) = (domain, path, tag, digest)
    }

    /// `domain/path`.
    public var name: String { "\(domain)/\(path)" }

    /// The canonical form, `domain/path[:tag][@digest]`.
    public var description: String { name + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }

    /// What a registry is asked for: the digest where there is one, else the tag.
    public var manifestReference: String { digest?.description ?? tag ?? "latest" }

    /// The same repository's content `digest`, without a tag.
    public func digested(_ digest: Digest) -> ImageReference { ImageReference(domain: domain, path: path, tag: nil, digest: digest) }

    /// True if `text` names no registry, so that the search registries decide where it comes from.
    public static func isShortName(_ text: String) -> Bool {
        (try? ReferenceParts(text)).map { $0.domain == nil } ?? false
    }
}

/// The pieces of a reference as they were written, each checked against the grammar.
struct ReferenceParts {
    let domain: Substring?
    let path: Substring
    let tag: Substring?
    let digest: Digest?

    init(_ text: String) throws(ReferenceError) {
        guard !text.isEmpty else { throw .empty }
        guard !ReferenceGrammar.isIdentifier(text) else { throw .identifier(text) }
        var rest = text[...]
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            let written = rest[rest.index(after: at)...]
            guard let read = Digest(written) else { throw .invalidDigest(String(written), in: text) }
            digest = read
            rest = rest[..<at]
        }
        (domain, rest) = Self.splitDomain(rest)
        if let domain, !ReferenceGrammar.isDomain(domain) { throw .invalidDomain(String(domain), in: text) }
        var tag: Substring?
        if let colon = rest.firstIndex(of: ":") {
            let written = rest[rest.index(after: colon)...]
            guard ReferenceGrammar.isTag(written) else { throw .invalidTag(String(written), in: text) }
            tag = written
            rest = rest[..<colon]
        }
        guard ReferenceGrammar.isPath(rest) else {
            throw ReferenceGrammar.isPath(rest.lowercased()[...]) ? .upperCase(text) : .invalidPath(String(rest), in: text)
        }
        (path, self.tag, self.digest) = (rest, tag, digest)
    }

    /// What stands before the first `/` is a domain if it could not be a path: it has a dot, a colon or a capital, or is `localhost`.
    private static func splitDomain(_ text: Substring) -> (Substring?, Substring) {
        guard let slash = text.firstIndex(of: "/") else { return (nil, text) }
        let head = text[..<slash]
        let isDomain = head.contains { $0 == "." || $0 == ":" || $0.isUppercase } || head == "localhost"
        return isDomain ? (head, text[text.index(after: slash)...]) : (nil, text)
    }
}
