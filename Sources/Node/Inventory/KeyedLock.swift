/// Runs work on one key one after the other, in the order of asking; work on different keys runs at once.
///
/// Stop and Remove of one container exclude each other with it. A waiter that is cancelled still takes its turn, and
/// finds out inside.
actor KeyedLock {
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]

    func withLock<R: Sendable>(_ key: String, _ body: @Sendable () async throws -> R) async rethrows -> R {
        await lock(key)
        defer { unlock(key) }
        return try await body()
    }

    private func lock(_ key: String) async {
        guard waiting[key] != nil else {
            waiting[key] = []
            return
        }
        await withCheckedContinuation { waiting[key, default: []].append($0) }
    }

    private func unlock(_ key: String) {
        guard var queue = waiting[key], !queue.isEmpty else {
            waiting[key] = nil
            return
        }
        let next = queue.removeFirst()
        waiting[key] = queue
        next.resume()
    }
}
