import FoundationEssentials

/// The `errors` of a registry's answer, distribution specification 1.1 "Error codes", as one short text.
enum ErrorDetail {
    static func parse(_ body: [UInt8]) -> String {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) else { return "" }
        let texts =
            (answer.errors ?? []).compactMap { error in error.message.flatMap { $0.isEmpty ? nil : $0 } ?? error.code }
            + [answer.details, answer.message, answer.errorDescription].compactMap { $0 }.prefix(1)
        // The text is a stranger's: short, and on one line of the log.
        return String(texts.joined(separator: "; ").map { isControl($0) ? " " : $0 }.prefix(200))
    }

    private static func isControl(_ character: Character) -> Bool {
        character.isNewline || character.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    /// The specification's list, and what token servers write instead: RFC 6749 section 5.2, and Docker's own.
    private struct Answer: Decodable {
        struct Entry: Decodable {
            var code: String?
            var message: String?
        }
        var errors: [Entry]?
        var details: String?
        var message: String?
        var errorDescription: String?

        enum CodingKeys: String, CodingKey {
            case errors, details, message
            case errorDescription = "error_description"
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            // One field of another shape must not hide what the others say.
            errors = try? fields.decode([Entry].self, forKey: .errors)
            details = try? fields.decode(String.self, forKey: .details)
            message = try? fields.decode(String.self, forKey: .message)
            errorDescription = try? fields.decode(String.self, forKey: .errorDescription)
        }
    }
}
