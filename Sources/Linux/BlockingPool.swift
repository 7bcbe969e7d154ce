import NIOPosix

/// Threads for system calls that can wait (mount, fsync, unpacking), so that none runs on Swift's cooperative pool.
public struct BlockingPool: Sendable {
    /// The daemon's pool. Its threads sleep when there is no work.
    public static let shared = BlockingPool(threads: 16)

    private let pool: NIOThreadPool

    /// Starts a pool of `threads` threads, which lives as long as the process.
    public init(threads: Int) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    /// Runs `body` on a thread of the pool and gives its result, or throws what it throws.
    /// A task cancelled before the body starts throws `CancellationError`; once started, a body runs to its end.
    public func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await pool.runIfActive(body)
    }
}
