import AsyncHTTPClient
import FoundationEssentials

/// A proxy server and the login for it. Descriptions leave the login out.
struct Proxy: Sendable, Hashable, CustomStringConvertible {
    let host: String
    let port: Int
    let isSOCKS: Bool
    let username: String?
    let password: String?

    var description: String { "\(isSOCKS ? "socks5" : "http")://\(host):\(port)" }

    var configuration: HTTPClient.Configuration.Proxy {
        if isSOCKS { return .socksServer(host: host, port: port) }
        guard let username else { return .server(host: host, port: port) }
        return .server(host: host, port: port, authorization: .basic(username: username, password: password ?? ""))
    }

    /// Reads `[scheme://][user:password@]host[:port]`; nil for an https proxy and all that is no address.
    init?(_ text: String) {
        let url = URL(string: text.contains("://") ? text : "http://\(text)")
        guard let url, let scheme = url.scheme?.lowercased(), ["http", "socks5", "socks5h"].contains(scheme),
            let host = url.host(percentEncoded: false), !host.isEmpty,
            (1...65535).contains(url.port ?? 80)
        else { return nil }
        isSOCKS = scheme != "http"
        (self.host, port) = (host, url.port ?? (isSOCKS ? 1080 : 80))
        (username, password) = (url.user(percentEncoded: false), url.password(percentEncoded: false))
    }
}

/// Which servers are reached through a proxy, from the environment variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY in either case.
public struct ProxySettings: Sendable {
    private let plain: Proxy?
    private let secure: Proxy?
    private let exceptions: [ProxyException]

    /// No proxy at all unless the environment names one.
    public init(environment: [String: String] = [:]) {
        func value(_ name: String) -> String { environment[name] ?? environment[name.lowercased()] ?? "" }
        (plain, secure) = (Proxy(value("HTTP_PROXY")), Proxy(value("HTTPS_PROXY")))
        exceptions = value("NO_PROXY").split(separator: ",").compactMap { ProxyException($0.filter { $0 != " " }) }
    }

    var all: Set<Proxy> { Set([plain, secure].compactMap { $0 }) }

    /// The proxy for an address; the loopback is always reached directly.
    func proxy(for url: URL) -> Proxy? {
        let isSecure = url.scheme?.lowercased() == "https"
        guard let proxy = isSecure ? secure : plain, let host = url.host(percentEncoded: false)?.lowercased() else { return nil }
        let address = IPAddress(host)
        guard host != "localhost", address?.isLoopback != true else { return nil }
        let port = url.port ?? (isSecure ? 443 : 80)
        return exceptions.contains { $0.covers(host: host, address: address, port: port) } ? nil : proxy
    }
}
