/// The pauses between tries of what must succeed in the end: each twice the one before, up to a bound.
public struct GrowingPauses: Sendable {
    private var following: Duration
    private let longest: Duration

    public init(first: Duration = .seconds(1), longest: Duration = .seconds(60)) {
        following = first
        self.longest = longest
    }

    /// How long to wait before the next try.
    public mutating func next() -> Duration {
        defer { following = min(following * 2, longest) }
        return following
    }
}
