/// An error in words, as it stands in a message of ours: an error's description where its author gave it one, and never the name of a
/// type, which helps nobody who is told it.
public func words(_ error: any Error) -> String {
    switch error {
    case is CancellationError: return "it was cut off before its end"
    case let error as DecodingError: return words(error)
    case let error as any CustomStringConvertible:
        let text = error.description
        let type = "\(type(of: error))"
        // Foundation's: Error Domain=NSPOSIXErrorDomain Code=5 "Input/output error"
        if text.hasPrefix("Error Domain="), case let parts = text.split(separator: "\""), parts.count > 1 { return String(parts[1]) }
        if !text.contains("\(type)(") && !text.contains("\(type).") { return text }
    default: break
    }
    // A case of an enumeration has a name at least: `unableToSetUp`.
    let mirror = Mirror(reflecting: error)
    guard mirror.displayStyle == .enum else { return "it failed" }
    return separated(mirror.children.first?.label ?? String(reflecting: error))
}

private func words(_ error: DecodingError) -> String {
    func place(_ path: [any CodingKey]) -> String { path.isEmpty ? "the document" : path.map(\.stringValue).joined(separator: ".") }
    return switch error {
    case .keyNotFound(let key, let context): "\(place(context.codingPath + [key])) is missing"
    case .valueNotFound(_, let context): "\(place(context.codingPath)) is null"
    case .typeMismatch(_, let context): "\(place(context.codingPath)) has another type than it should"
    case .dataCorrupted(let context): "\(place(context.codingPath)) is malformed"
    @unknown default: "the document is malformed"
    }
}

/// The words of an identifier, of a qualified one's last part.
private func separated(_ identifier: String) -> String {
    var result = ""
    for character in identifier.split(separator: ".").last ?? "" {
        if character.isUppercase, let last = result.last, last.isLowercase { result += " " }
        result += character.isUppercase ? character.lowercased() : String(character)
    }
    return result
}

extension DefaultStringInterpolation {
    /// Any error of an unknown kind goes into a text in ``words(_:)``.
    public mutating func appendInterpolation(_ error: any Error) { appendLiteral(words(error)) }
}
