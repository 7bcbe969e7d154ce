/// Where a 3xx answer leads.
struct Redirect: Equatable {
    let target: ServerAddress
    /// Credentials stay with the server that they are for.
    let keepsAuthorization: Bool

    static let statuses: Set<Int> = [301, 302, 303, 307, 308]
    static let most = 10

    /// - Parameter allowsPlain: whether the way may go on without encryption.
    /// - Throws: ``RegistryError/redirect(registry:problem:)``. The target's query may hold a signature, so it is never quoted.
    init(from source: ServerAddress, location: String?, allowsPlain: Bool) throws {
        let registry = source.authority
        guard let location else { throw RegistryError.redirect(registry: registry, problem: "its answer names no address to go to") }
        guard let target = ServerAddress(location, relativeTo: source) else {
            throw RegistryError.redirect(
                registry: registry, problem: "it leads to what is no http or https address with a host and a port from 1 to 65535")
        }
        guard target.isSecure || !source.isSecure || allowsPlain else {
            throw RegistryError.redirect(registry: registry, problem: "it leads from https to plain http at \(target.authority)")
        }
        self.target = target
        keepsAuthorization = target.authority == source.authority && target.scheme == source.scheme
    }
}
