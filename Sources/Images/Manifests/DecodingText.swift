/// A decoding error in words that somebody can act upon: where in the document, and what is wrong there.
enum DecodingText {
    static func explain(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "it is not JSON" }
        switch error {
        case .keyNotFound(let key, let context): return "\(place(context))the field '\(key.stringValue)' is missing"
        case .valueNotFound(_, let context): return "\(place(context))there is no value"
        case .typeMismatch(_, let context): return "\(place(context))the value is of another type than the specification's"
        // The coders' own texts stand here for malformed documents, and ours for malformed digests.
        case .dataCorrupted(let context): return context.codingPath.isEmpty ? "it is not JSON" : "\(place(context))\(context.debugDescription)"
        @unknown default: return "it is not what the specification says"
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        return path.isEmpty ? "" : "\(path.hasPrefix(".") ? String(path.dropFirst()) : path): "
    }
}
