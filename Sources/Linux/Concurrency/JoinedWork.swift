/// Work that several callers may ask for at once and that is done once: the later ones join the one under way.
///
/// The work does not belong to any caller: a caller whose time is up leaves, the work goes on, and a retry joins it.
public actor JoinedWork<Key: Hashable & Sendable, Value: Sendable> {
    private var underWay: [Key: Task<Value, any Error>] = [:]

    public init() {}

    /// The result of the work on `key`, started now unless it is under way.
    public func result(for key: Key, _ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = underWay[key] ?? start(key, work)
        return try await withTaskLeaving(task)
    }

    /// Starts the work on `key` unless it is under way. Nobody waits for it.
    public func begin(_ key: Key, _ work: @escaping @Sendable () async throws -> Value) {
        if underWay[key] == nil { _ = start(key, work) }
    }

    /// Waits until no work on `key` is under way; how it ended is not told.
    /// - Throws: `CancellationError` where the caller's task is cancelled.
    public func end(of key: Key) async throws {
        guard let task = underWay[key] else { return }
        do { _ = try await withTaskLeaving(task) } catch { try Task.checkCancellation() }
    }

    /// Whether there is work on `key`.
    public func isUnderWay(_ key: Key) -> Bool { underWay[key] != nil }

    private func start(_ key: Key, _ work: @escaping @Sendable () async throws -> Value) -> Task<Value, any Error> {
        let task = Task.detached { [weak self] in
            let result: Result<Value, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            await self?.finish(key)
            return try result.get()
        }
        underWay[key] = task
        return task
    }

    private func finish(_ key: Key) { underWay[key] = nil }

    /// Waits for the task, but no longer than the caller's own task lives.
    private nonisolated func withTaskLeaving(_ task: Task<Value, any Error>) async throws -> Value {
        let (stream, continuation) = AsyncThrowingStream<Value, any Error>.makeStream()
        let relay = Task {
            do {
                continuation.yield(try await task.value)
                continuation.finish()
            } catch { continuation.finish(throwing: error) }
        }
        defer { relay.cancel() }
        for try await value in stream { return value }
        throw CancellationError()
    }
}
