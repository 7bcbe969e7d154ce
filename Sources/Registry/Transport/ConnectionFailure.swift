import AsyncHTTPClient
import Glibc
import Linux
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A request that got no answer, or whose answer broke off.
struct ConnectionFailure: Error {
    enum Kind: Equatable {
        /// The connection existed and broke: the same request may succeed.
        case broken
        /// There was no connection.
        case notConnected
        /// TLS failed: a server may speak plain HTTP, or its certificate is not trusted.
        case tls
    }

    let kind: Kind
    let error: RegistryError

    /// - Returns: what went wrong, in the words of ``RegistryError``.
    /// - Throws: `CancellationError` if the caller was cancelled, and errors that are ours already, as they are.
    static func classify(_ error: any Error, server: String, stallSeconds: Int) throws -> ConnectionFailure {
        if Task.isCancelled || error is CancellationError || error as? HTTPClientError == .cancelled { throw CancellationError() }
        func unreachable(_ kind: Kind, _ problem: String) -> ConnectionFailure {
            ConnectionFailure(kind: kind, error: .unreachable(registry: server, problem: problem))
        }
        switch error {
        case let failure as ConnectionFailure: return failure
        case let error as RegistryError: throw error
        case is StalledConnection: return ConnectionFailure(kind: .broken, error: .stalled(registry: server, seconds: stallSeconds))
        case is EndlessInterimAnswers:
            return ConnectionFailure(
                kind: .notConnected, error: .unexpectedAnswer(registry: server, problem: "it sends interim answers (1xx) and no final one"))
        case let error as HTTPClientError: return classify(error, as: unreachable)
        case HTTPParserError.invalidEOFState, ChannelError.eof, NIOSSLError.uncleanShutdown:
            return unreachable(.broken, earlyEnd)
        case let error as HTTPParserError:
            return ConnectionFailure(
                kind: .notConnected, error: .unexpectedAnswer(registry: server, problem: "it does not answer in HTTP (\(error))"))
        case let error as NIOConnectionError: return unreachable(.notConnected, explain(error))
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: return tlsFailure(error, server: server)
        case let error as IOError:
            let isUnconnected = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(error.errnoCode)
            return unreachable(isUnconnected ? .notConnected : .broken, explain(error))
        default: return unreachable(.broken, "\(error)")
        }
    }

    private static let earlyEnd = "it closed the connection before the end of its answer"

    private static func classify(_ error: HTTPClientError, as unreachable: (Kind, String) -> ConnectionFailure) -> ConnectionFailure {
        switch error {
        case .connectTimeout: unreachable(.notConnected, "no connection within the time limit: check network and firewall")
        case .deadlineExceeded: unreachable(.broken, "it gave no answer within the time limit")
        case .tlsHandshakeTimeout: unreachable(.tls, "no TLS handshake within the time limit")
        case .getConnectionFromPoolTimeout: unreachable(.notConnected, "too many requests wait for it: retry later")
        case .remoteConnectionClosed: unreachable(.broken, earlyEnd)
        case .invalidProxyResponse, .httpProxyHandshakeTimeout, .socksHandshakeTimeout:
            unreachable(.notConnected, "the proxy does not connect to it: check HTTPS_PROXY and NO_PROXY")
        case .proxyAuthenticationRequired: unreachable(.notConnected, "the proxy wants other credentials: check HTTPS_PROXY")
        default: unreachable(.broken, error.shortDescription)
        }
    }

    private static func explain(_ error: NIOConnectionError) -> String {
        if let reason = error.connectionErrors.lazy.compactMap({ $0.error as? IOError }).first { return explain(reason) }
        if error.connectionErrors.isEmpty { return "its name is not known: check the name and this host's DNS" }
        return error.connectionErrors.map { "\($0.error)" }.joined(separator: "; ")
    }

    private static func explain(_ error: IOError) -> String {
        switch error.errnoCode {
        case ECONNREFUSED: "the connection is refused: check that it runs and that the port is right"
        case EHOSTUNREACH, ENETUNREACH: "there is no route to it: check this host's network"
        case ECONNRESET, EPIPE: earlyEnd
        default: "\(error)"
        }
    }

    /// The last part of `error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER at FILE:LINE`.
    private static func reason(in text: String) -> String? {
        guard let start = text.firstRange(of: "OPENSSL_internal:")?.upperBound else { return nil }
        return text[start...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }.lowercased().replacing("_", with: " ")
    }

    private static func tlsFailure(_ error: any Error, server: String) -> ConnectionFailure {
        // BoringSSL's reasons stand in its text alone.
        let text = String(describing: error)
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return ConnectionFailure(
                kind: .tls,
                error: .unreachable(
                    registry: server, problem: "it does not speak TLS: mark it insecure in registries.conf if plain HTTP is meant"))
        }
        if text.contains("CERTIFICATE_VERIFY_FAILED") || error is NIOSSLExtraError {
            let problem = error is NIOSSLExtraError ? "its certificate is for another name" : "its certificate cannot be verified"
            return ConnectionFailure(kind: .tls, error: .untrusted(registry: server, problem: problem))
        }
        return ConnectionFailure(kind: .tls, error: .unreachable(registry: server, problem: "the TLS handshake fails: \(reason(in: text) ?? words(error))"))
    }
}
