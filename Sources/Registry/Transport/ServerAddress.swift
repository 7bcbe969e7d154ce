import FoundationEssentials

/// An address that a request may go to: http or https, a host that is a name or an IP address, and a port that exists.
///
/// Requests take nothing else, since addresses come from strangers: a registry names its token server and where its content
/// lies, and a port above 65535 is not an error but the end of the program further down.
struct ServerAddress: Sendable, Hashable {
    let url: URL

    /// Nil for all that is no such address.
    init?(_ text: String) { self.init(URL(string: text), written: text) }

    /// What a Location header leads to from `source`, RFC 9110 section 10.2.2.
    init?(_ location: String, relativeTo source: ServerAddress) {
        let url = URL(string: location, relativeTo: source.url)?.absoluteURL
        self.init(url, written: url?.absoluteString ?? "")
    }

    private init?(_ url: URL?, written: String) {
        guard let url, ["http", "https"].contains(url.scheme?.lowercased()), let host = url.host(percentEncoded: false),
            Self.isHost(host), Self.port(in: written) == url.port
        else { return nil }
        if let port = url.port { guard (1...65535).contains(port) else { return nil } }
        self.url = url
    }

    var scheme: String { url.scheme?.lowercased() ?? "" }
    var isSecure: Bool { scheme == "https" }
    /// `host[:port]`, as certs.d and configuration name a server.
    var authority: String { url.authority }
    var host: String { url.host(percentEncoded: false) ?? "" }

    /// The address with another query.
    func with(percentEncodedQuery query: String) -> ServerAddress? {
        guard var components = URLComponents(url: url, resolvingAgainstBaseURL: false) else { return nil }
        components.percentEncodedQuery = query
        return components.url.flatMap { ServerAddress($0.absoluteString) }
    }

    private static func isHost(_ host: String) -> Bool {
        if host.contains(":") { return IPAddress(host) != nil }
        return !host.isEmpty
            && host.utf8.allSatisfy {
                ReferenceGrammar.isLetter($0) || ReferenceGrammar.isDigit($0) || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains($0)
            }
    }

    /// The port as it is written: a parser of addresses may drop one that it cannot hold, and the default's server is another.
    /// Nil where there is none; -1 where it is no number.
    private static func port(in text: String) -> Int? {
        guard let start = text.firstRange(of: "://")?.upperBound else { return nil }
        var authority = text[start...].prefix { !"/?#".contains($0) }
        if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
        if let bracket = authority.lastIndex(of: "]") { authority = authority[bracket...] }
        guard let colon = authority.lastIndex(of: ":") else { return nil }
        let digits = authority[authority.index(after: colon)...]
        guard !digits.isEmpty else { return nil }
        return digits.utf8.allSatisfy(ReferenceGrammar.isDigit) ? Int(digits) ?? -1 : -1
    }
}

extension URL {
    /// `host[:port]`, as certs.d and configuration name a server.
    var authority: String {
        let host = host(percentEncoded: false)?.lowercased() ?? ""
        let bracketed = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        return bracketed + (port.map { ":\($0)" } ?? "")
    }
}
