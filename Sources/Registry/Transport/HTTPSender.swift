import AsyncHTTPClient
import FoundationEssentials
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A request whose body, if any, is short.
struct HTTPRequest: Sendable {
    var method: HTTPMethod = .GET
    var address: ServerAddress
    var headers: HTTPHeaders = [:]
    var body: [UInt8]?
}

/// An answer whose body has yet to be read.
struct HTTPAnswer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: HTTPClientResponse.Body
    /// Who gave it, after redirects.
    let server: String
    /// How long a stall of the body is, for its error.
    let stallSeconds: Int

    var retryAfterSeconds: Int? {
        headers.first(name: "Retry-After").flatMap { RetryAfter.parse($0, now: Int64(Date().timeIntervalSince1970)) }
    }

    var contentLength: Int64? { headers.first(name: "Content-Length").flatMap { Int64($0) } }

    /// Media type without parameters, lower case.
    var mediaType: String? {
        headers.first(name: "Content-Type")?.split(separator: ";").first.map { $0.filter { $0 != " " }.lowercased() }
    }

    /// The whole body; nil if it is longer than `limit` bytes.
    func collect(upTo limit: Int) async throws -> [UInt8]? {
        do {
            return Array(try await body.collect(upTo: limit).readableBytesView)
        } catch is NIOTooManyBytesError {
            return nil
        } catch {
            throw try ConnectionFailure.classify(error, server: server, stallSeconds: stallSeconds)
        }
    }

    /// Reads a short body to its end, so that the connection can serve again.
    func discard() async { _ = try? await body.collect(upTo: 64 << 10) }
}

/// Sends requests to one endpoint's servers and follows their redirects. Every failure is a ``ConnectionFailure`` or a ``RegistryError``.
final class HTTPSender: Sendable {
    private let clients: HTTPClients
    private let certificates: CertificateDirectory
    private let insecure: Bool
    private let limits: ConnectionLimits
    private let userAgent: String
    private let tls = NIOLockedValueBox<[String: TLSConfiguration]>([:])

    init(clients: HTTPClients, certificates: CertificateDirectory, insecure: Bool, limits: ConnectionLimits, userAgent: String) {
        (self.clients, self.certificates, self.insecure, self.limits, self.userAgent) = (clients, certificates, insecure, limits, userAgent)
    }

    func send(_ request: HTTPRequest) async throws -> HTTPAnswer {
        var request = request
        for _ in 0...Redirect.most {
            let answer = try await sendOnce(request)
            guard Redirect.statuses.contains(answer.status) else { return answer }
            await answer.discard()
            let redirect = try Redirect(from: request.address, location: answer.headers.first(name: "Location"), allowsPlain: insecure)
            if !redirect.keepsAuthorization { request.headers.remove(name: "Authorization") }
            // A POST carries a secret in its body: it goes to the server that it is for, or nowhere.
            guard request.body == nil || redirect.keepsAuthorization else {
                throw RegistryError.redirect(
                    registry: request.address.authority, problem: "a login is not sent on to \(redirect.target.authority)")
            }
            request.address = redirect.target
        }
        throw RegistryError.redirect(registry: request.address.authority, problem: "more than \(Redirect.most) in a row")
    }

    private func sendOnce(_ request: HTTPRequest) async throws -> HTTPAnswer {
        var http = HTTPClientRequest(url: request.address.url.absoluteString)
        http.method = request.method
        http.headers = request.headers
        http.headers.replaceOrAdd(name: "User-Agent", value: userAgent)
        if let body = request.body { http.body = .bytes(body) }
        let server = request.address.authority
        if request.address.isSecure { http.tlsConfiguration = try await tlsConfiguration(for: server) }
        do {
            let response = try await clients.client(for: request.address.url).execute(
                http, deadline: .now() + .seconds(Int64(limits.answerSeconds)))
            return HTTPAnswer(
                status: Int(response.status.code), headers: response.headers, body: response.body, server: server,
                stallSeconds: limits.stallSeconds)
        } catch {
            throw try ConnectionFailure.classify(error, server: server, stallSeconds: limits.stallSeconds)
        }
    }

    private func tlsConfiguration(for authority: String) async throws -> TLSConfiguration {
        if let known = tls.withLockedValue({ $0[authority] }) { return known }
        let read = try await NIOThreadPool.singleton.runIfActive { [certificates, insecure] in
            try certificates.configuration(for: authority, insecure: insecure)
        }
        tls.withLockedValue { $0[authority] = read }
        return read
    }
}
