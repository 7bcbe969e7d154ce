import FoundationEssentials

/// Where a 3xx answer leads.
struct Redirect: Equatable {
    let target: URL
    /// Credentials stay with the server that they are for.
    let keepsAuthorization: Bool

    static let statuses: Set<Int> = [301, 302, 303, 307, 308]
    static let most = 10

    /// - Parameter allowsPlain: whether the way may go on without encryption.
    /// - Throws: ``RegistryError/redirect(registry:problem:)``. The target's query may hold a signature, so it is never quoted.
    init(from source: URL, location: String?, allowsPlain: Bool) throws {
        let registry = source.authority
        guard let location, let target = URL(string: location, relativeTo: source)?.absoluteURL, target.host()?.isEmpty == false else {
            throw RegistryError.redirect(registry: registry, problem: "its answer names no address to go to")
        }
        guard let scheme = target.scheme?.lowercased(), ["http", "https"].contains(scheme) else {
            throw RegistryError.redirect(registry: registry, problem: "it leads to an address that is neither http nor https")
        }
        guard scheme == "https" || source.scheme?.lowercased() == "http" || allowsPlain else {
            throw RegistryError.redirect(registry: registry, problem: "it leads from https to plain http at \(target.authority)")
        }
        guard target.hasUsablePort else {
            throw RegistryError.redirect(registry: registry, problem: "it leads to port \(target.port ?? 0), and ports end at 65535")
        }
        self.target = target
        keepsAuthorization = target.authority == source.authority && scheme == source.scheme?.lowercased()
    }
}

extension URL {
    /// Whether there is such a port: a URL may name any number, and what connects takes 16 bits.
    var hasUsablePort: Bool { port.map { (1...65535).contains($0) } ?? true }

    /// `host[:port]`, as certs.d and configuration name a server.
    var authority: String {
        let host = host(percentEncoded: false)?.lowercased() ?? ""
        let bracketed = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        return bracketed + (port.map { ":\($0)" } ?? "")
    }
}
