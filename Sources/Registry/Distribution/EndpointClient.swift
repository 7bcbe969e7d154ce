import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import OCI

/// Asks one endpoint for one repository's content.
final class EndpointClient: Sendable {
    let endpoint: Endpoint
    private let sender: HTTPSender
    private let authorizer: Authorizer
    private let retry: RetryPolicy
    private let logger: Logger
    private let schemes: SchemeMemory

    init(endpoint: Endpoint, sender: HTTPSender, authorizer: Authorizer, schemes: SchemeMemory, retry: RetryPolicy, logger: Logger) {
        (self.endpoint, self.sender, self.authorizer, self.schemes) = (endpoint, sender, authorizer, schemes)
        (self.retry, self.logger) = (retry, logger)
    }

    func manifest(_ reference: String) async throws -> FetchedManifest {
        let digest = Digest(reference)
        let what = endpoint.reference.name + (digest == nil ? ":" : "@") + reference
        let check = ManifestCheck(what: what, registry: endpoint.host, expected: digest)
        return try await repeating(what) {
            let headers = HTTPHeaders(MediaType.manifests.map { ("Accept", $0) })
            let answer = try await self.get("manifests/\(reference)", headers: headers, what: what)
            guard let bytes = try await answer.collect(upTo: ManifestCheck.longest) else {
                throw RegistryError.manifestTooLarge(what, registry: self.endpoint.host, limit: ManifestCheck.longest)
            }
            return try check.accept(
                bytes, contentType: answer.mediaType, declaredDigest: answer.headers.first(name: "Docker-Content-Digest"))
        }
    }

    /// Opens a blob's bytes at `offset`.
    func blob(_ descriptor: Descriptor, from offset: Int64) async throws -> BlobAnswer {
        let what = "\(endpoint.reference.name)@\(descriptor.digest)"
        return try await repeating(what) {
            let headers: HTTPHeaders = offset > 0 ? ["Range": "bytes=\(offset)-"] : [:]
            let answer = try await self.get("blobs/\(descriptor.digest)", headers: headers, what: what)
            return try BlobAnswer(answer, size: descriptor.size, digest: descriptor.digest, offset: offset)
        }
    }

    /// Runs a request until it succeeds, fails for good, or the policy ends it.
    private func repeating<Result: Sendable>(_ what: String, _ body: @Sendable () async throws -> Result) async throws -> Result {
        var failures = 0
        while true {
            let failed: RegistryError
            var wanted: Duration?
            do {
                return try await body()
            } catch let failure as ConnectionFailure {
                guard failure.kind == .broken else { throw failure.error }
                failed = failure.error
            } catch let error as RegistryError {
                guard case .some(let retryAfter) = error.repeatable else { throw error }
                failed = error
                wanted = retryAfter
            }
            failures += 1
            guard let pause = retry.pause(failures: failures, retryAfter: wanted, jitter: .random(in: 0...1)) else { throw failed }
            logger.info("a request is repeated", metadata: ["image": "\(what)", "after": "\(pause)", "error": "\(failed)"])
            try await Task.sleep(for: pause)
        }
    }

    /// One GET, authorised if the endpoint asks for it; other answers than success are thrown.
    private func get(_ path: String, headers: HTTPHeaders, what: String) async throws -> HTTPAnswer {
        var headers = headers
        var authorization = try await authorizer.authorization()
        for _ in 0..<2 {
            if let authorization { headers.replaceOrAdd(name: "Authorization", value: authorization) }
            let answer = try await sendOverEitherScheme(path, headers: headers)
            if (200..<300).contains(answer.status) {
                guard !ManifestCheck.isHTML(answer.mediaType) else { throw RegistryError.notARegistry(endpoint.host) }
                return answer
            }
            let challenges = Challenge.parse(answer.headers["WWW-Authenticate"])
            let error = await self.error(for: answer, what: what)
            guard answer.status == 401, let better = try await authorizer.answer(challenges, refused: authorization) else { throw error }
            authorization = better
        }
        throw RegistryError.unauthorized(what, registry: endpoint.host, detail: "")
    }

    private func sendOverEitherScheme(_ path: String, headers: HTTPHeaders) async throws -> HTTPAnswer {
        guard endpoint.insecure else { return try await send(path, scheme: "https", headers: headers) }
        if let known = schemes[endpoint.host] {
            do {
                return try await send(path, scheme: known, headers: headers)
            } catch {
                // It may have changed; the next attempt finds out.
                schemes[endpoint.host] = nil
                throw error
            }
        }
        do {
            return try await send(path, scheme: "https", headers: headers)
        } catch let https as ConnectionFailure {
            do {
                return try await send(path, scheme: "http", headers: headers)
            } catch let http as ConnectionFailure {
                // Where TLS found a server, its error tells more than that of plain HTTP.
                throw https.kind == .tls && http.kind == .notConnected ? https : http
            }
        }
    }

    private func send(_ path: String, scheme: String, headers: HTTPHeaders) async throws -> HTTPAnswer {
        guard let address = ServerAddress("\(scheme)://\(endpoint.host)/v2/\(endpoint.reference.path)/\(path)") else {
            throw RegistryError.unreachable(registry: endpoint.host, problem: "its name makes no address")
        }
        let answer = try await sender.send(HTTPRequest(address: address, headers: headers))
        if endpoint.insecure { schemes[endpoint.host] = scheme }
        return answer
    }

    private func error(for answer: HTTPAnswer, what: String) async -> RegistryError {
        let detail = ErrorDetail.parse((try? await answer.collect(upTo: 64 << 10)) ?? [])
        let speaksDistribution = answer.headers.contains(name: "Docker-Distribution-Api-Version")
        switch answer.status {
        case 401: return .unauthorized(what, registry: endpoint.host, detail: detail)
        case 403: return .forbidden(what, registry: endpoint.host, detail: detail)
        case 404 where ManifestCheck.isHTML(answer.mediaType) && !speaksDistribution: return .notARegistry(endpoint.host)
        case 404: return .notFound(what, registry: endpoint.host)
        case 429: return .tooManyRequests(registry: endpoint.host, retryAfterSeconds: answer.retryAfterSeconds)
        case 408, 500...:
            return .serverFailure(
                registry: endpoint.host, status: answer.status, detail: detail, retryAfterSeconds: answer.retryAfterSeconds)
        default: return .unexpectedAnswer(registry: endpoint.host, problem: "HTTP status \(answer.status) for \(what)")
        }
    }
}

extension RegistryError {
    /// Nil if repeating the request is of no use; else the pause that the server asks for, if it asks for one.
    var repeatable: Duration?? {
        switch self {
        case .tooManyRequests(_, let seconds): .some(seconds.map { .seconds($0) })
        case .serverFailure(_, let status, _, let seconds) where RetryPolicy.isTransient(status: status):
            .some(seconds.map { .seconds($0) })
        default: nil
        }
    }
}
