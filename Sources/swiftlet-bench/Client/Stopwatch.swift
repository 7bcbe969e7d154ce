/// Runs `body` and returns the milliseconds that it took beside its result.
func timed<R: Sendable>(_ body: () async throws -> R) async rethrows -> (milliseconds: Double, result: R) {
    let start = ContinuousClock.now
    let result = try await body()
    return ((ContinuousClock.now - start).milliseconds, result)
}

extension Duration {
    var milliseconds: Double { Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15 }
}
