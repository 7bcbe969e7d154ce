import GRPCCore

/// Cancels the work when its caller leaves: cancels the call, lets its deadline pass, or closes the connection. Without it work goes on,
/// as most of the node's has to.
/// - Throws: what the work throws, `CancellationError` among it.
func endingWithCaller<R: Sendable>(_ work: @escaping @Sendable () async throws -> R) async throws -> R {
    let task = Task { try await work() }
    return try await withRPCCancellationHandler {
        try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    } onCancelRPC: {
        task.cancel()
    }
}

extension Duration {
    /// What a caller asks for, within what the clocks can add to now: from zero to some eight years, which is for ever.
    static func bounded(seconds: Int64) -> Duration { .seconds(min(max(0, seconds), 1 << 28)) }
}
