import FoundationEssentials

/// The `errors` of a registry's answer, distribution specification 1.1 "Error codes", as one short text.
enum ErrorDetail {
    static func parse(_ body: [UInt8]) -> String {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) else { return "" }
        let texts = (answer.errors ?? []).compactMap { error in error.message.flatMap { $0.isEmpty ? nil : $0 } ?? error.code }
        // The text is a stranger's: short, and on one line of the log.
        return String(texts.joined(separator: "; ").map { isControl($0) ? " " : $0 }.prefix(200))
    }

    private static func isControl(_ character: Character) -> Bool {
        character.isNewline || character.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    private struct Answer: Decodable {
        struct Entry: Decodable {
            var code: String?
            var message: String?
        }
        var errors: [Entry]?
    }
}
