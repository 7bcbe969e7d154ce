import FoundationEssentials

/// containers-auth.json(5), and Docker's config.json, which has the same shape.
struct AuthFile: Sendable {
    /// Registry, namespace or repository to credentials.
    var entries: [String: RegistryCredentials] = [:]
    /// Registry to the name of the helper that keeps its credentials.
    var helpers: [String: String] = [:]
    /// Docker's helper for every registry.
    var defaultHelper: String?

    enum Finding: Sendable, Equatable {
        case credentials(RegistryCredentials)
        case helper(String)
    }

    /// What the file says about a repository: the entry of the most specific of its paths.
    func find(_ reference: ImageReference) -> Finding? {
        let host = Self.hostName(of: reference.domain)
        if let helper = helpers.first(where: { Self.hostName(of: $0.key) == host })?.value { return .helper(helper) }
        var path = reference.name[...]
        while true {
            if let found = entries[String(path)] { return .credentials(found) }
            guard let slash = path.lastIndex(of: "/") else { break }
            path = path[..<slash]
        }
        // Docker writes keys as URLs, `https://index.docker.io/v1/` above all: they mean the host.
        let legacy = entries.filter { !$0.key.contains("/") || $0.key.contains("://") }.sorted { $0.key < $1.key }
        if let found = legacy.first(where: { Self.hostName(of: $0.key) == host })?.value { return .credentials(found) }
        return defaultHelper.map { .helper($0) }
    }

    /// The host[:port] in a key, with one name for all of Docker Hub's.
    static func hostName(of key: String) -> String {
        var rest = key[...]
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        let host = String(rest.prefix { $0 != "/" })
        return ["index.docker.io", "registry-1.docker.io"].contains(host) ? ImageReference.dockerHub : host
    }
}

extension AuthFile {
    /// - Throws: ``RegistryError/credentials(source:problem:)``, which never quotes the file.
    static func parse(_ bytes: [UInt8], file: String) throws -> AuthFile {
        do {
            let contents = try JSONDecoder().decode(Contents.self, from: Data(bytes))
            var parsed = AuthFile(helpers: contents.credHelpers ?? [:])
            if let store = contents.credsStore, !store.isEmpty { parsed.defaultHelper = store }
            for (key, entry) in contents.auths ?? [:] {
                guard let credentials = entry.credentials else {
                    throw RegistryError.credentials(
                        source: file, problem: "the 'auth' of '\(key)' is not user:password in base64: log in to that registry again")
                }
                // Docker leaves empty entries behind for registries whose credentials a helper keeps.
                if !credentials.isEmpty { parsed.entries[key] = credentials }
            }
            return parsed
        } catch let error as DecodingError {
            // Only the place is told: the decoder's own text may quote what stands there.
            var place = ""
            if case .typeMismatch(_, let context) = error {
                place = " at '\(context.codingPath.map(\.stringValue).joined(separator: "."))'"
            }
            throw RegistryError.credentials(source: file, problem: "it is not in the format of auth.json(5)\(place)")
        }
    }

    private struct Contents: Decodable {
        struct Entry: Decodable {
            var auth: String?
            var username: String?
            var password: String?
            var identitytoken: String?
            var registrytoken: String?

            /// Nil if `auth` is malformed.
            var credentials: RegistryCredentials? {
                var credentials = RegistryCredentials(username: username ?? "", password: password ?? "")
                if let auth, !auth.isEmpty {
                    guard let read = RegistryCredentials(auth: auth) else { return nil }
                    credentials = read
                }
                credentials.identityToken = identitytoken ?? ""
                credentials.registryToken = registrytoken ?? ""
                return credentials
            }
        }
        var auths: [String: Entry]?
        var credHelpers: [String: String]?
        var credsStore: String?
    }

    /// Where the containers tools and Docker keep credentials, in the order in which they are looked up.
    static func defaultPaths(environment: [String: String], userID: UInt32) -> [String] {
        let home = environment["HOME"] ?? (userID == 0 ? "/root" : nil)
        let runtime = environment["XDG_RUNTIME_DIR"].map { "\($0)/containers/auth.json" } ?? "/run/containers/\(userID)/auth.json"
        let user = home.map { home in
            ["\(environment["XDG_CONFIG_HOME"] ?? "\(home)/.config")/containers/auth.json", "\(home)/.docker/config.json"]
        }
        return (environment["REGISTRY_AUTH_FILE"].map { [$0] } ?? [runtime]) + (user ?? [])
    }
}
