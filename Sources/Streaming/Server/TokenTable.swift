import FoundationEssentials

/// The requests whose URLs were given out and not yet used. Knows no clock: it is told the time.
struct TokenTable {
    private struct Entry {
        let request: StreamingRequest
        let expiry: ContinuousClock.Instant
    }

    private let lifetime: Duration
    private let limit: Int
    private var entries: [String: Entry] = [:]

    init(lifetime: Duration, limit: Int) {
        self.lifetime = lifetime
        self.limit = limit
    }

    var count: Int { entries.count }

    /// A token that stands for the request once.
    /// - Throws: `StreamingError.tooManyRequests`.
    mutating func issue(_ request: StreamingRequest, now: ContinuousClock.Instant) throws(StreamingError) -> String {
        if entries.count >= limit { entries = entries.filter { $0.value.expiry > now } }
        guard entries.count < limit else { throw .tooManyRequests(limit: limit) }
        let token = Self.randomToken()
        entries[token] = Entry(request: request, expiry: now + lifetime)
        return token
    }

    /// The token's request, if it is of that kind and not too old. The token is worth nothing afterwards.
    mutating func redeem(_ token: String, as kind: StreamingRequest.Kind, now: ContinuousClock.Instant) -> StreamingRequest? {
        guard let entry = entries.removeValue(forKey: token), entry.expiry > now, entry.request.kind == kind else { return nil }
        return entry.request
    }

    /// 192 bits of the kernel's randomness, in letters that a URL's path may have.
    private static func randomToken() -> String {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<24).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
    }
}
