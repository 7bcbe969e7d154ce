import FoundationEssentials
import TOML
import TOMLKit

/// One file in the format of registries.conf(5), version 2: its text, decoded and checked.
enum RegistriesFile {
    /// - Throws: ``RegistryError/configuration(file:problem:)``, which names the line where the text is not TOML.
    static func parse(_ text: String, file: String) throws -> RegistriesConfiguration {
        do {
            let table = try TOMLDocument.parse(text)
            if table["registries"]?.table != nil {
                throw Problem("the tables [registries.*] are version 1 of the format: rewrite them as [[registry]], see registries.conf(5)")
            }
            return try TOMLDecoder().decode(Contents.self, from: table).checked()
        } catch let problem as Problem {
            throw RegistryError.configuration(file: file, problem: problem.text)
        } catch let error as TOMLDocument.SyntaxError {
            throw RegistryError.configuration(file: file, problem: "\(error)")
        } catch let error as DecodingError {
            throw RegistryError.configuration(file: file, problem: ConfigurationFiles.explain(error))
        }
    }

    /// The main file, which may be missing, and the `.conf` files of the directory in lexical order.
    static func load(file: String, directory: String) throws -> RegistriesConfiguration {
        var merged = RegistriesConfiguration()
        let dropIns = ConfigurationFiles.list(directory).filter { $0.hasSuffix(".conf") }.map { "\(directory)/\($0)" }
        for path in [file] + dropIns {
            guard let bytes = try ConfigurationFiles.read(path) else { continue }
            merged.merge(try parse(String(decoding: bytes, as: UTF8.self), file: path))
        }
        return merged
    }

    private struct Problem: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// The file's own keys.
    private struct Contents: Decodable {
        var unqualifiedSearchRegistries: [String]?
        var shortNameMode: String?
        var credentialHelpers: [String]?
        var registry: [RegistryTable]?
        var aliases: [String: String]?

        enum CodingKeys: String, CodingKey {
            case unqualifiedSearchRegistries = "unqualified-search-registries"
            case shortNameMode = "short-name-mode"
            case credentialHelpers = "credential-helpers"
            case registry, aliases
        }

        func checked() throws -> RegistriesConfiguration {
            var mode: ShortNameMode?
            if let shortNameMode {
                mode = ShortNameMode(rawValue: shortNameMode)
                guard mode != nil else { throw Problem("short-name-mode '\(shortNameMode)': use enforcing, permissive or disabled") }
            }
            let tables = try (registry ?? []).map { try $0.checked() }
            if let twice = Dictionary(grouping: tables, by: \.prefix).first(where: { $1.count > 1 && Set($1.map(\.blocked)).count > 1 }) {
                throw Problem("prefix '\(twice.key)' stands in several [[registry]] tables that differ in 'blocked'")
            }
            return RegistriesConfiguration(
                searchRegistries: try unqualifiedSearchRegistries.map { try $0.map(checkedLocation) }, shortNameMode: mode,
                registries: tables, aliases: aliases ?? [:], credentialHelpers: credentialHelpers ?? [])
        }
    }

    private struct RegistryTable: Decodable {
        var prefix: String?
        var location: String?
        var insecure: Bool?
        var blocked: Bool?
        var mirrorByDigestOnly: Bool?
        var mirror: [MirrorTable]?

        enum CodingKeys: String, CodingKey {
            case prefix, location, insecure, blocked, mirror
            case mirrorByDigestOnly = "mirror-by-digest-only"
        }

        func checked() throws -> RegistriesConfiguration.Registry {
            let location = try checkedLocation(location ?? "")
            let prefix = try checkedLocation(prefix ?? location)
            guard !prefix.isEmpty else { throw Problem("a [[registry]] table has neither prefix nor location") }
            guard !location.isEmpty || prefix.hasPrefix("*.") else { throw Problem("[[registry]] '\(prefix)' has no location") }
            guard !prefix.dropFirst(prefix.hasPrefix("*.") ? 2 : 0).contains("*") else {
                throw Problem("prefix '\(prefix)': a wildcard stands only at the beginning, as in *.example.com")
            }
            let byDigestOnly = mirrorByDigestOnly ?? false
            return .init(
                prefix: prefix, location: location, insecure: insecure ?? false, blocked: blocked ?? false,
                mirrors: try (mirror ?? []).map { try $0.checked(byDigestOnly: byDigestOnly, prefix: prefix) })
        }
    }

    private struct MirrorTable: Decodable {
        var location: String?
        var insecure: Bool?
        var pullFromMirror: String?

        enum CodingKeys: String, CodingKey {
            case location, insecure
            case pullFromMirror = "pull-from-mirror"
        }

        func checked(byDigestOnly: Bool, prefix: String) throws -> RegistriesConfiguration.Mirror {
            let location = try checkedLocation(location ?? "")
            guard !location.isEmpty else { throw Problem("a mirror of '\(prefix)' has no location") }
            guard !(byDigestOnly && pullFromMirror != nil) else {
                throw Problem("'\(prefix)' sets mirror-by-digest-only, and pull-from-mirror on a mirror: keep one of them")
            }
            let written = pullFromMirror ?? (byDigestOnly ? MirrorUse.digestOnly : .all).rawValue
            guard let use = MirrorUse(rawValue: written) else {
                throw Problem("pull-from-mirror '\(written)' of '\(prefix)': use all, digest-only or tag-only")
            }
            return .init(location: location, insecure: insecure ?? false, use: use)
        }
    }

    private static func checkedLocation(_ text: String) throws -> String {
        guard !text.hasPrefix("http://"), !text.hasPrefix("https://") else {
            throw Problem("'\(text)': a registry is named host[:port][/path], without http:// or https://")
        }
        var trimmed = text[...]
        while trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
        return String(trimmed)
    }
}
