/// How often and after which pauses a request is repeated.
public struct RetryPolicy: Sendable, Equatable {
    /// Requests in all, the first one included.
    public var attempts: Int
    /// The pause after the first failure; it doubles with each further one.
    public var firstPause: Duration
    /// A server that asks for a longer pause than this is not asked again.
    public var longestPause: Duration

    public init(attempts: Int = 5, firstPause: Duration = .milliseconds(500), longestPause: Duration = .seconds(30)) {
        (self.attempts, self.firstPause, self.longestPause) = (attempts, firstPause, longestPause)
    }

    /// What a mirror gets, as another place stands behind it.
    var briefly: RetryPolicy {
        RetryPolicy(attempts: min(attempts, 2), firstPause: firstPause, longestPause: min(longestPause, .seconds(1)))
    }

    /// The pause before the next attempt; nil if there is to be none.
    /// - Parameters:
    ///   - failures: failed attempts so far, at least one.
    ///   - retryAfter: what the server asked for.
    ///   - jitter: between 0 and 1, spreads clients out over the upper half of the pause.
    func pause(failures: Int, retryAfter: Duration? = nil, jitter: Double) -> Duration? {
        guard failures < attempts else { return nil }
        if let retryAfter { return retryAfter <= longestPause ? retryAfter : nil }
        let doubled = firstPause * Double(1 << min(failures - 1, 20))
        return min(doubled, longestPause) * (0.5 + jitter / 2)
    }

    /// Statuses after which the same request may succeed.
    static func isTransient(status: Int) -> Bool { [408, 429, 500, 502, 503, 504].contains(status) }
}
