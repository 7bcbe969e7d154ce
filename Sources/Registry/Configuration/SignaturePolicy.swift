import FoundationEssentials

/// What containers-policy.json(5) demands of images before they may be used.
///
/// Accepting and rejecting are done here; signatures are not checked yet, so a scope that demands them is an error.
struct SignaturePolicy: Sendable, Equatable {
    enum Requirement: Sendable, Equatable {
        case insecureAcceptAnything
        case reject
        /// `signedBy`, `signedBaseLayer` or `sigstoreSigned`.
        case signature(String)
    }

    var `default`: [Requirement]
    /// The scopes of the transport `docker`; the empty one is the transport's own default.
    var docker: [String: [Requirement]] = [:]

    /// - Throws: ``RegistryError/rejectedByPolicy(_:scope:)`` or ``RegistryError/policyUnsupported(_:scope:requirement:)``.
    func check(_ reference: ImageReference) throws {
        let scope = Self.scopes(of: reference).first { docker[$0] != nil }
        let requirements = scope.flatMap { docker[$0] } ?? `default`
        let named = scope.map { "docker: \($0)" } ?? "default"
        for requirement in requirements {
            switch requirement {
            case .insecureAcceptAnything: continue
            case .reject: throw RegistryError.rejectedByPolicy(reference.description, scope: named)
            case .signature(let type): throw RegistryError.policyUnsupported(reference.description, scope: named, requirement: type)
            }
        }
    }

    /// From the most specific: the whole reference, repository, each namespace, host, wildcards of its domain, the transport's default.
    static func scopes(of reference: ImageReference) -> [String] {
        let identity = reference.digest.map { "\(reference.name)@\($0)" } ?? reference.description
        var scopes = [identity]
        var name = reference.name[...]
        while true {
            scopes.append(String(name))
            guard let slash = name.lastIndex(of: "/") else { break }
            name = name[..<slash]
        }
        var host = reference.domain.prefix { $0 != ":" }
        while let dot = host.firstIndex(of: ".") {
            host = host[host.index(after: dot)...]
            scopes.append("*.\(host)")
        }
        return scopes + [""]
    }
}

extension SignaturePolicy {
    /// - Throws: ``RegistryError/configuration(file:problem:)``.
    static func parse(_ bytes: [UInt8], file: String) throws -> SignaturePolicy {
        do {
            let contents = try JSONDecoder().decode(Contents.self, from: Data(bytes))
            return SignaturePolicy(
                default: try requirements(contents.default, scope: "default", file: file),
                docker: try (contents.transports?["docker"] ?? [:]).reduce(into: [:]) {
                    $0[$1.key] = try requirements($1.value, scope: $1.key, file: file)
                })
        } catch let error as DecodingError {
            throw RegistryError.configuration(file: file, problem: ConfigurationFiles.explain(error))
        }
    }

    private struct Contents: Decodable {
        struct Entry: Decodable { var type: String }
        var `default`: [Entry]
        var transports: [String: [String: [Entry]]]?
    }

    private static func requirements(_ entries: [Contents.Entry], scope: String, file: String) throws -> [Requirement] {
        guard !entries.isEmpty else {
            throw RegistryError.configuration(file: file, problem: "scope '\(scope)' has no requirement: give at least one, such as reject")
        }
        return try entries.map { entry in
            switch entry.type {
            case "insecureAcceptAnything": .insecureAcceptAnything
            case "reject": .reject
            case "signedBy", "signedBaseLayer", "sigstoreSigned": .signature(entry.type)
            default: throw RegistryError.configuration(file: file, problem: "scope '\(scope)': unknown requirement type '\(entry.type)'")
            }
        }
    }
}
