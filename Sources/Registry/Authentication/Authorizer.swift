import FoundationEssentials
import NIOCore
import NIOHTTP1

/// Answers one endpoint's challenges for one repository, and remembers what it wanted for the next request.
actor Authorizer {
    /// What the endpoint wants with each request.
    private enum Demand {
        case basic
        case bearer(TokenRequest)
    }

    private let endpoint: Endpoint
    private let sender: HTTPSender
    private let cache: TokenCache
    private let findCredentials: @Sendable () async throws -> RegistryCredentials?
    private var credentials: RegistryCredentials??
    private var demand: Demand?

    init(
        endpoint: Endpoint, sender: HTTPSender, cache: TokenCache,
        credentials: @escaping @Sendable () async throws -> RegistryCredentials?
    ) {
        (self.endpoint, self.sender, self.cache, self.findCredentials) = (endpoint, sender, cache, credentials)
    }

    /// The Authorization header for the next request; nil while the endpoint has not asked for any.
    func authorization() async throws -> String? {
        guard let demand else { return nil }
        return try await authorization(for: demand, refused: nil)
    }

    /// The header that answers the challenges of a 401.
    /// - Parameter refused: the header that the request bore; nil is returned if there is nothing better.
    func answer(_ challenges: [Challenge], refused: String?) async throws -> String? {
        let offered = challenges.compactMap { challenge -> Demand? in
            switch challenge.scheme {
            case "bearer": TokenRequest(challenge, repository: endpoint.reference.path).map { .bearer($0) }
            case "basic": .basic
            default: nil
            }
        }
        if let first = offered.first {
            demand = first
        } else if challenges.contains(where: { $0.scheme == "bearer" }) {
            throw RegistryError.authentication(
                registry: endpoint.host, problem: "its challenge names no http or https address to get a token from")
        }
        guard let demand, let header = try await authorization(for: demand, refused: refused), header != refused else { return nil }
        return header
    }

    private func authorization(for demand: Demand, refused: String?) async throws -> String? {
        let credentials = try await knownCredentials()
        switch demand {
        case .basic: return credentials?.basicAuthorization
        case .bearer(let request):
            if let token = credentials?.registryToken, !token.isEmpty { return "Bearer \(token)" }
            let key = TokenCache.Key(request: request, credentials: credentials)
            let fetcher = TokenFetcher(request: request, endpoint: endpoint, sender: sender, credentials: credentials)
            let refusedToken = refused.flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
            return "Bearer " + (try await cache.token(for: key, refused: refusedToken) { try await fetcher.fetch() })
        }
    }

    private func knownCredentials() async throws -> RegistryCredentials? {
        if let credentials { return credentials }
        let found = try await findCredentials()
        credentials = .some(found)
        return found
    }
}

/// Gets one token: distribution specification, "Token Authentication" (GET) and "Oauth2 Token Authentication" (POST).
private struct TokenFetcher: Sendable {
    let request: TokenRequest
    let endpoint: Endpoint
    let sender: HTTPSender
    let credentials: RegistryCredentials?

    static let longestAnswer = 1 << 20

    func fetch() async throws -> AccessToken {
        let http = try tokenRequest()
        let realm = request.realm.authority
        let answer = try await sender.send(http)
        guard let body = try await answer.collect(upTo: Self.longestAnswer) else {
            throw RegistryError.authentication(registry: endpoint.host, problem: "the answer of \(realm) is too long")
        }
        switch answer.status {
        case 200..<300:
            guard let token = AccessToken(answer: body, now: .now()) else {
                throw RegistryError.authentication(registry: endpoint.host, problem: "the answer of \(realm) holds no token\(Self.quoted(body))")
            }
            return token
        case 401, 403:
            throw RegistryError.unauthorized(
                endpoint.reference.name, registry: endpoint.host,
                detail: "\(realm) refuses \(credentials == nil ? "anonymous access" : "the login")\(Self.quoted(body))")
        case 429: throw RegistryError.tooManyRequests(registry: realm, retryAfterSeconds: answer.retryAfterSeconds)
        default: throw RegistryError.authentication(registry: endpoint.host, problem: "\(realm) answers with HTTP status \(answer.status)\(Self.quoted(body))")
        }
    }

    /// What the server says of its refusal in its own words.
    private static func quoted(_ body: [UInt8]) -> String {
        let detail = ErrorDetail.parse(body)
        return detail.isEmpty ? "" : ": \(detail)"
    }

    private func tokenRequest() throws -> HTTPRequest {
        guard request.realm.isSecure || endpoint.insecure else {
            throw RegistryError.authentication(
                registry: endpoint.host,
                problem: "its tokens come over plain HTTP from \(request.realm.authority): mark it insecure if that is meant")
        }
        if let token = credentials?.identityToken, !token.isEmpty {
            let headers: HTTPHeaders = ["Content-Type": "application/x-www-form-urlencoded"]
            return HTTPRequest(method: .POST, address: request.realm, headers: headers, body: request.form(refreshToken: token))
        }
        let basic = credentials?.basicAuthorization
        guard let address = request.address(account: basic == nil ? nil : credentials?.username) else {
            throw RegistryError.authentication(registry: endpoint.host, problem: "the realm of its challenge is no address")
        }
        return HTTPRequest(address: address, headers: basic.map { ["Authorization": $0] } ?? [:])
    }
}
