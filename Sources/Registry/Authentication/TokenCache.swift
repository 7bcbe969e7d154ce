import NIOCore

/// Tokens of all pulls, each until it expires. Callers that want the same token at once share one request for it.
actor TokenCache {
    struct Key: Hashable, Sendable {
        let request: TokenRequest
        let credentials: RegistryCredentials?
    }

    private var tokens: [Key: AccessToken] = [:]
    private var requests: [Key: Task<AccessToken, any Error>] = [:]
    private let now: @Sendable () -> NIODeadline

    init(now: @escaping @Sendable () -> NIODeadline = { .now() }) { self.now = now }

    /// The cached token, or the one that `fetch` gets.
    /// - Parameter refused: a token that the registry has just refused: it is not given again.
    func token(for key: Key, refused: String? = nil, fetch: @escaping @Sendable () async throws -> AccessToken) async throws -> String {
        tokens = tokens.filter { $0.value.expires > now() }
        if let token = tokens[key], token.text != refused { return token.text }
        if let request = requests[key] { return try await request.value.text }
        let request = Task { try await fetch() }
        requests[key] = request
        defer { requests[key] = nil }
        let token = try await request.value
        tokens[key] = token
        return token.text
    }
}
