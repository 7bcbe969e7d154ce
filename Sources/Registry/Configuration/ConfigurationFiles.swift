import FoundationEssentials

/// Reading of small configuration files.
enum ConfigurationFiles {
    /// The file's bytes; nil if there is none.
    static func read(_ path: String) throws -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw RegistryError.configuration(file: path, problem: "it cannot be read: check its permissions")
        }
    }

    /// Names in a directory, sorted; none if it is missing.
    static func list(_ directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
    }

    /// A decoding error as `key: what is wrong`.
    static func explain(_ error: DecodingError) -> String {
        let context: DecodingError.Context? =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context), .dataCorrupted(let context):
                context
            @unknown default: nil
            }
        guard let context else { return "\(error)" }
        let key = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        return key.isEmpty ? context.debugDescription : "\(key): \(context.debugDescription)"
    }
}
