import Dispatch
import NIOCore
import Synchronization

/// Carries a download's pieces from the task that receives them to the thread that unpacks them. It holds a bounded number
/// of bytes: a slow disk slows the download down.
final class ChunkQueue: Sendable {
    private struct State {
        var chunks: [ByteBuffer] = []
        var bytes = 0
        var ended: Result<Void, any Error>?
        /// The consumer has stopped: what comes is dropped.
        var closed = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let limit: Int
    private let state = Mutex(State())
    private let available = DispatchSemaphore(value: 0)

    /// - Parameter limit: bytes that may wait.
    init(limit: Int = 8 << 20) { self.limit = limit }

    /// Hands a piece over, suspending while too much waits. Whether the consumer still wants more.
    func push(_ chunk: ByteBuffer) async -> Bool {
        let (full, open) = state.withLock { state in
            guard !state.closed else { return (false, false) }
            state.chunks.append(chunk)
            state.bytes += chunk.readableBytes
            return (state.bytes >= limit, true)
        }
        available.signal()
        if full { await room() }
        return open
    }

    private func room() async {
        await withCheckedContinuation { continuation in
            let now = state.withLock { state in
                guard state.bytes >= limit, !state.closed else { return true }
                state.waiter = continuation
                return false
            }
            if now { continuation.resume() }
        }
    }

    /// Says that nothing more comes: the end of the download, or its failure.
    func finish(_ result: Result<Void, any Error>) {
        state.withLock { if $0.ended == nil { $0.ended = result } }
        available.signal()
    }

    /// The next piece, waiting for it; nil at the end. For a thread that may block.
    /// - Throws: what the download failed with.
    func pop() throws -> ByteBuffer? {
        while true {
            available.wait()
            let (chunk, ended, waiter) = state.withLock { state -> (ByteBuffer?, Result<Void, any Error>?, CheckedContinuation<Void, Never>?) in
                guard !state.chunks.isEmpty else { return (nil, state.ended, nil) }
                let chunk = state.chunks.removeFirst()
                state.bytes -= chunk.readableBytes
                guard state.bytes < limit else { return (chunk, nil, nil) }
                defer { state.waiter = nil }
                return (chunk, nil, state.waiter)
            }
            waiter?.resume()
            if let chunk { return chunk }
            guard let ended else { continue }
            // For whoever asks again.
            available.signal()
            try ended.get()
            return nil
        }
    }

    /// Says that the consumer wants no more.
    func close() {
        let waiter = state.withLock { state in
            state.closed = true
            state.chunks = []
            state.bytes = 0
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
