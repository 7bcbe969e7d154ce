/// Mounts that every container gets: a line `/SRC:/DST` or `/PATH` each, mounts.conf(5).
public struct DefaultMounts: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public var source: String
        public var destination: String
    }

    public let entries: [Entry]

    /// Lines that begin otherwise than with a slash are passed over, comments among them.
    public init(text: String) {
        self.init(lines: text.split(whereSeparator: \.isNewline).map(String.init))
    }

    public init(lines: [String]) {
        entries = lines.compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
            guard let source = parts.first, let destination = parts.last, source.hasPrefix("/"), destination.hasPrefix("/") else { return nil }
            return Entry(source: source, destination: MountsBuilder.clean(destination))
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
