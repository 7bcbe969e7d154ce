import AsyncHTTPClient
import FoundationEssentials
import Logging

/// One client for direct connections and one for each proxy.
final class HTTPClients: Sendable {
    private let proxies: ProxySettings
    private let direct: HTTPClient
    private let proxied: [Proxy: HTTPClient]

    init(limits: ConnectionLimits, proxies: ProxySettings) {
        self.proxies = proxies
        direct = limits.makeClient()
        proxied = Dictionary(uniqueKeysWithValues: proxies.all.map { ($0, limits.makeClient(proxy: $0)) })
    }

    func client(for url: URL) -> HTTPClient { proxies.proxy(for: url).flatMap { proxied[$0] } ?? direct }

    func shutdown(logger: Logger) async {
        for client in [direct] + proxied.values {
            do {
                try await client.shutdown()
            } catch {
                logger.debug("an HTTP client was shut down before", metadata: ["error": "\(error)"])
            }
        }
    }
}
