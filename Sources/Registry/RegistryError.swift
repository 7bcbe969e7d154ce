import OCI

/// Why something could not be had from a registry. A description says what failed, on what, and what to do; it holds no secret.
public indirect enum RegistryError: Error, Sendable {
    // What was asked for.
    case notFound(String, registry: String)
    case shortNameUnresolved(String)
    case shortNameAmbiguous(String, registries: [String])
    case blocked(String, prefix: String)
    case rejectedByPolicy(String, scope: String)
    case policyUnsupported(String, scope: String, requirement: String)
    // Who asked.
    case unauthorized(String, registry: String, detail: String)
    case forbidden(String, registry: String, detail: String)
    case authentication(registry: String, problem: String)
    case credentials(source: String, problem: String)
    // The registry and the road to it.
    case unreachable(registry: String, problem: String)
    case untrusted(registry: String, problem: String)
    case stalled(registry: String, seconds: Int)
    /// Bytes came, and hardly any.
    case slow(registry: String, seconds: Int)
    case tooManyRequests(registry: String, retryAfterSeconds: Int?)
    case serverFailure(registry: String, status: Int, detail: String, retryAfterSeconds: Int?)
    case unexpectedAnswer(registry: String, problem: String)
    case notARegistry(String)
    case redirect(registry: String, problem: String)
    // What came.
    case manifestTooLarge(String, registry: String, limit: Int)
    case digestMismatch(String, registry: String, expected: Digest, actual: String)
    case blobTooLong(Digest, registry: String, size: Int64)
    case blobIncomplete(Digest, registry: String, received: Int64, size: Int64, cause: RegistryError)
    /// No mirror had it, and neither had the registry, whose error this is.
    case afterMirrors(RegistryError, mirrors: [RegistryError])
    // How this host is set up.
    case configuration(file: String, problem: String)
}

extension RegistryError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notFound, .shortNameUnresolved, .shortNameAmbiguous, .blocked, .rejectedByPolicy, .policyUnsupported: requestDescription
        case .unauthorized, .forbidden, .authentication, .credentials: accessDescription
        case .manifestTooLarge, .digestMismatch, .blobTooLong, .blobIncomplete: contentDescription
        case .afterMirrors(let error, let mirrors): "\(error) (mirrors tried before: \(mirrors.map(\.description).joined(separator: "; ")))"
        case .configuration(let file, let problem): "\(file): \(problem)"
        default: transportDescription
        }
    }

    /// The registry's own error, without those of its mirrors and without what it interrupted.
    public var root: RegistryError {
        switch self {
        case .afterMirrors(let error, _), .blobIncomplete(_, _, _, _, let error): error.root
        default: self
        }
    }

    private var requestDescription: String {
        switch self {
        case .notFound(let what, let registry):
            what.contains("@")
                ? "\(what) is not found in \(registry): it lacks this content, push the image there again"
                : "\(what) is not found in \(registry): check the name and the tag, or push it there"
        case .shortNameUnresolved(let name):
            "short name '\(name)' has no alias, and registries.conf has no unqualified-search-registries: write the registry's name before it"
        case .shortNameAmbiguous(let name, let registries):
            "short name '\(name)' could come from \(registries.joined(separator: ", ")): write the registry's name before it, or set "
                + "short-name-mode to permissive"
        case .blocked(let reference, let prefix):
            "\(reference): registries.conf blocks '\(prefix)'"
        case .rejectedByPolicy(let reference, let scope):
            "\(reference) is rejected by the signature policy (scope '\(scope)'): change policy.json if it should be allowed"
        case .policyUnsupported(let reference, let scope, let requirement):
            "\(reference): the signature policy (scope '\(scope)') requires \(requirement), and signatures are not yet supported: "
                + "use insecureAcceptAnything or reject there"
        default: ""
        }
    }

    private var accessDescription: String {
        switch self {
        case .unauthorized(let what, let registry, let detail):
            "\(registry) wants other credentials for \(what)\(Self.appended(detail)): log in, or set an image pull secret"
        case .forbidden(let what, let registry, let detail):
            "\(registry) denies access to \(what)\(Self.appended(detail)): ask for the right to pull it"
        case .authentication(let registry, let problem): "no token for \(registry): \(problem)"
        case .credentials(let source, let problem): "credentials from \(source): \(problem)"
        default: ""
        }
    }

    private var transportDescription: String {
        switch self {
        case .unreachable(let registry, let problem):
            "\(registry) cannot be reached: \(problem)"
        case .untrusted(let registry, let problem):
            "\(registry) has no certificate that this host trusts: \(problem); put its CA as ca.crt into certs.d/\(registry), or mark it insecure"
        case .stalled(let registry, let seconds):
            "\(registry) sent nothing for \(seconds) s: check the network to it, then retry"
        case .slow(let registry, let seconds):
            "\(registry) sent less than \(ProgressFloor.bytes >> 10) KiB in \(seconds) s: check the network to it, then retry"
        case .tooManyRequests(let registry, let seconds):
            "\(registry) limits the rate of requests: retry \(seconds.map { "in \($0) s" } ?? "later"), log in for a higher limit, or use a mirror"
        case .serverFailure(let registry, let status, let detail, _):
            "\(registry) failed with HTTP status \(status)\(Self.appended(detail)): retry later"
        case .unexpectedAnswer(let registry, let problem): "\(registry): \(problem)"
        case .notARegistry(let registry):
            "\(registry) answers with a web page, it is not a registry: check the image's name, or the proxy on the way"
        case .redirect(let registry, let problem): "redirect from \(registry): \(problem)"
        default: ""
        }
    }

    private var contentDescription: String {
        switch self {
        case .manifestTooLarge(let what, let registry, let limit):
            "the manifest of \(what) in \(registry) is larger than \(limit) bytes, the most that is accepted"
        case .digestMismatch(let what, let registry, let expected, let actual):
            "\(what) from \(registry) has digest \(actual), not \(expected): the registry's content is damaged or was changed on the way"
        case .blobTooLong(let digest, let registry, let size):
            "blob \(digest) from \(registry) is longer than the \(size) bytes that its manifest declares"
        case .blobIncomplete(let digest, let registry, let received, let size, let cause):
            "blob \(digest) from \(registry) broke off after \(received) of \(size) bytes: \(cause)"
        default: ""
        }
    }

    private static func appended(_ detail: String) -> String { detail.isEmpty ? "" : " (\(detail))" }
}
