/// Work was given up because its time was over.
public struct OutOfTime: Error, Sendable, Equatable, CustomStringConvertible {
    public let limit: Duration

    public init(limit: Duration) { self.limit = limit }

    public var description: String { "it did not end within \(limit)" }
}

/// Runs `body` against the clock. When time is over its task is cancelled, and its end waited for: what it waits for must heed that.
/// - Throws: `OutOfTime`; what `body` throws.
public func withTimeout<R: Sendable>(_ limit: Duration, _ body: @escaping @Sendable () async throws -> R) async throws -> R {
    try await withThrowingTaskGroup(of: R.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw OutOfTime(limit: limit)
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}
