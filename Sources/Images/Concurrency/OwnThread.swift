import Linux

/// Runs `body` on a thread that lives as long as it does, for work that keeps a processor busy.
/// It is not interrupted by cancellation.
func onOwnThread<R: Sendable>(named name: String, _ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        startThread(named: name) { continuation.resume(with: Result { try body() }) }
    }
}
