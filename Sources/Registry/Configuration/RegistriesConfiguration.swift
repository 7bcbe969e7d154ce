/// How a short name is resolved, registries.conf(5) `short-name-mode`.
public enum ShortNameMode: String, Sendable {
    /// A name that could come from several registries is refused.
    case enforcing
    /// Every search registry is tried in turn.
    case permissive
    /// Aliases are not looked at; every search registry is tried in turn.
    case disabled
}

/// When a mirror is asked, registries.conf(5) `pull-from-mirror`.
enum MirrorUse: String, Sendable {
    case all
    case digestOnly = "digest-only"
    case tagOnly = "tag-only"

    func allows(digested: Bool) -> Bool {
        switch self {
        case .all: true
        case .digestOnly: digested
        case .tagOnly: !digested
        }
    }
}

/// What registries.conf(5) version 2 and its drop-ins say, checked and merged.
struct RegistriesConfiguration: Sendable, Equatable {
    /// One `[[registry]]` table.
    struct Registry: Sendable, Equatable {
        var prefix: String
        /// Empty only under a wildcard prefix: the reference is left as it is.
        var location: String
        var insecure = false
        var blocked = false
        var mirrors: [Mirror] = []
    }

    /// One `[[registry.mirror]]` table.
    struct Mirror: Sendable, Equatable {
        var location: String
        var insecure = false
        var use = MirrorUse.all
    }

    /// Nil where no file says: then Docker Hub alone.
    var searchRegistries: [String]?
    var shortNameMode: ShortNameMode?
    var registries: [Registry] = []
    /// Short name to full name.
    var aliases: [String: String] = [:]
    var credentialHelpers: [String] = []

    /// Lays a drop-in's settings over these: tables replace those of the same prefix, lists replace lists.
    mutating func merge(_ other: RegistriesConfiguration) {
        searchRegistries = other.searchRegistries ?? searchRegistries
        shortNameMode = other.shortNameMode ?? shortNameMode
        if !other.credentialHelpers.isEmpty { credentialHelpers = other.credentialHelpers }
        let replaced = Set(other.registries.map(\.prefix))
        registries = registries.filter { !replaced.contains($0.prefix) } + other.registries
        aliases.merge(other.aliases) { $1 }
        // An empty target takes an alias of an earlier file away.
        aliases = aliases.filter { !$0.value.isEmpty }
    }
}

extension RegistriesConfiguration {
    /// The table with the longest prefix that matches the reference.
    func registry(for reference: ImageReference) -> Registry? {
        let text = reference.description
        return registries.filter { $0.matchedLength(of: text) != nil }.max { $0.prefix.utf8.count < $1.prefix.utf8.count }
    }

    /// Full names that `image` may stand for, in the order in which to try them.
    func candidates(for image: String, mode override: ShortNameMode? = nil) throws -> [ImageReference] {
        guard ImageReference.isShortName(image) else { return [try ImageReference(normalized: image)] }
        let mode = override ?? shortNameMode ?? .permissive
        if mode != .disabled, let target = try alias(for: image) { return [target] }
        let searched = searchRegistries ?? [ImageReference.dockerHub]
        guard !searched.isEmpty else { throw RegistryError.shortNameUnresolved(image) }
        guard mode != .enforcing || searched.count == 1 else { throw RegistryError.shortNameAmbiguous(image, registries: searched) }
        return try searched.map { try ImageReference(normalized: "\($0)/\(image)") }
    }

    /// The alias's target with the tag and digest that were written behind the short name.
    private func alias(for image: String) throws -> ImageReference? {
        let parts = try ReferenceParts(image)
        guard let target = aliases[String(parts.path)] else { return nil }
        return try ImageReference(normalized: target + image.dropFirst(parts.path.count))
    }
}

extension RegistriesConfiguration.Registry {
    var isWildcard: Bool { prefix.hasPrefix("*.") }

    /// How many characters of a canonical reference the prefix covers; nil if it does not match on a boundary.
    func matchedLength(of reference: String) -> Int? {
        let end: String.Index
        if isWildcard {
            let domain = reference.prefix { $0 != "/" }
            let suffix = prefix.dropFirst()
            // The wildcard may cover a port or not: compare with the domain as written, and with its host alone.
            guard let found = [domain, domain.prefix { $0 != ":" }].first(where: { $0.hasSuffix(suffix) && $0.count > suffix.count }) else {
                return nil
            }
            end = found.endIndex
        } else {
            guard reference.hasPrefix(prefix) else { return nil }
            end = reference.index(reference.startIndex, offsetBy: prefix.count)
        }
        guard end == reference.endIndex || ":/@".contains(reference[end]) else { return nil }
        return reference.distance(from: reference.startIndex, to: end)
    }
}
