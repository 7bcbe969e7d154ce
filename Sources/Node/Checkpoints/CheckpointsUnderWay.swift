import Synchronization

/// The containers that are paused for a checkpoint, and the work that has paused them.
final class CheckpointsUnderWay: Sendable {
    private let tasks = Mutex<[String: Task<Void, any Error>]>([:])

    /// Runs `body` so that ``giveUp(_:)`` can cut it short.
    /// - Throws: what `body` throws.
    func run(_ id: String, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let task = Task { try await body() }
        tasks.withLock { $0[id] = task }
        defer { tasks.withLock { $0[id] = nil } }
        try await task.value
    }

    /// Cuts the container's checkpoint short, if one is under way, and waits until the container goes on.
    func giveUp(_ id: String) async {
        guard let task = tasks.withLock({ $0[id] }) else { return }
        task.cancel()
        _ = await task.result
    }
}
