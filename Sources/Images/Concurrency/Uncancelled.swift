/// Runs `body` to its end even if the calling task is, or gets, cancelled: for changes that must not stop half way, and for
/// cleaning up after a cancellation.
func uncancelled<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
    try await Task.detached { try await body() }.value
}
