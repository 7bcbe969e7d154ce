/// An SELinux context, `user:role:type:level`; the level, which has colons of its own, is only there where the policy has
/// categories.
public struct SELinuxContext: Codable, Sendable, Equatable, CustomStringConvertible {
    public var user: String
    public var role: String
    public var type: String
    public var level: String?

    public init(user: String, role: String, type: String, level: String?) {
        self.user = user
        self.role = role
        self.type = type
        self.level = level
    }

    /// Reads a context; nil where it is not of the form.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { !$0.isWhitespace } }) else { return nil }
        self.init(user: parts[0], role: parts[1], type: parts[2], level: parts.count > 3 ? parts[3] : nil)
    }

    public var description: String { [user, role, type, level].compactMap(\.self).joined(separator: ":") }
}

/// The levels of pods: a pair of categories each, so that one pod's processes cannot use another's files.
public enum SELinuxLevel {
    /// The categories that the policies for containers know: c0 to c1023.
    static let categories = 1024

    /// A level that is none of `taken`.
    /// - Throws: `SpecError.unsupported` where there is none left.
    public static func unique(except taken: Set<String>, using generator: inout some RandomNumberGenerator) throws(SpecError) -> String {
        // Far more pairs than a node has pods: the first is nearly always free.
        for _ in 0..<10_000 {
            let first = Int.random(in: 0..<categories, using: &generator)
            let second = Int.random(in: 0..<categories, using: &generator)
            let level = "s0:c\(min(first, second)),c\(max(first, second))"
            if first != second, !taken.contains(level) { return level }
        }
        throw .unsupported("there is no SELinux level left for another pod: \(taken.count) are in use")
    }
}
