/// A regular expression of a configuration file. It matches anywhere in a text unless it is anchored.
public struct Pattern: Sendable, Equatable {
    public let text: String

    /// - Throws: `PatternError` where the text is no regular expression.
    public init(_ text: String) throws(PatternError) {
        do { _ = try Regex(text) } catch { throw PatternError(text: text, reason: "\(error)") }
        self.text = text
    }

    /// The expression is compiled anew each time: a compiled one cannot be handed to another thread.
    public func matches(_ candidate: String) -> Bool {
        guard let regex = try? Regex(text) else { return false }
        return candidate.contains(regex.matchingSemantics(.unicodeScalar))
    }
}

/// A text that is no regular expression, and why.
public struct PatternError: Error, Sendable, Equatable, CustomStringConvertible {
    let text: String
    let reason: String

    public var description: String { "'\(text)' is no regular expression: \(reason)" }
}
