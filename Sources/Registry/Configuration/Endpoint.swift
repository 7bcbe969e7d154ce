/// One place to fetch an image from: a reference rewritten for a mirror or for the registry's own location.
struct Endpoint: Sendable, Equatable {
    /// What to ask there: domain and path are the place's own.
    var reference: ImageReference
    /// Certificates are not verified, and plain HTTP is allowed.
    var insecure: Bool
    var isMirror: Bool

    /// `host[:port]` to connect to: Docker Hub's API is not at the name that references use.
    var host: String { reference.domain == ImageReference.dockerHub ? "registry-1.docker.io" : reference.domain }
}

extension RegistriesConfiguration {
    /// Where to fetch `reference`, in order: the mirrors that its form allows, then the registry itself.
    /// - Throws: ``RegistryError/blocked(_:prefix:)``, or ``RegistryError/configuration(file:problem:)`` if a rewritten name is no reference.
    func endpoints(for reference: ImageReference, insecureHosts: [String] = []) throws -> [Endpoint] {
        let isListedInsecure = { (domain: String) in insecureHosts.contains(domain) }
        guard let registry = registry(for: reference) else {
            return [Endpoint(reference: reference, insecure: isListedInsecure(reference.domain), isMirror: false)]
        }
        guard !registry.blocked else { throw RegistryError.blocked(reference.description, prefix: registry.prefix) }
        let mirrors = try registry.mirrors.filter { $0.use.allows(digested: reference.digest != nil) }.map { mirror in
            let rewritten = try registry.rewrite(reference, to: mirror.location)
            return Endpoint(reference: rewritten, insecure: mirror.insecure || isListedInsecure(rewritten.domain), isMirror: true)
        }
        let own = try registry.rewrite(reference, to: registry.location)
        return mirrors + [Endpoint(reference: own, insecure: registry.insecure || isListedInsecure(own.domain), isMirror: false)]
    }
}

extension RegistriesConfiguration.Registry {
    /// `reference` with the part that the prefix covers replaced by `location`.
    func rewrite(_ reference: ImageReference, to location: String) throws -> ImageReference {
        let text = reference.description
        guard !location.isEmpty, let length = matchedLength(of: text) else { return reference }
        do {
            return try ImageReference(normalized: location + text.dropFirst(length))
        } catch {
            throw RegistryError.configuration(file: "registries.conf", problem: "location '\(location)' of prefix '\(prefix)': \(error)")
        }
    }
}
