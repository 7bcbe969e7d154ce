import Dispatch
import NIOCore
import Synchronization

/// Bytes on their way from the network to the thread that unpacks them. The side that is ahead waits: the network's
/// task by suspending, so that the registry is asked for no more, the thread by sleeping.
final class ChunkQueue: Sendable {
    private struct State {
        var chunks = CircularBuffer<ByteBuffer>()
        var bytes = 0
        var end: Result<Void, any Error>?
        var isAbandoned = false
        var producer: CheckedContinuation<Void, Never>?
    }

    private let limit: Int
    private let state = Mutex(State())
    /// Counts the chunks in the queue, and one for the end.
    private let available = DispatchSemaphore(value: 0)

    /// - Parameter limit: bytes that may wait in the queue before `push` suspends.
    init(limit: Int) { self.limit = limit }

    /// Adds a chunk, and suspends while there are too many. One task pushes.
    /// - Returns: false once nobody takes any more.
    func push(_ chunk: ByteBuffer) async -> Bool {
        state.withLock { state in
            state.chunks.append(chunk)
            state.bytes += chunk.readableBytes
        }
        available.signal()
        await withCheckedContinuation { continuation in
            let hasRoom = state.withLock { state in
                guard state.bytes > limit, !state.isAbandoned else { return true }
                state.producer = continuation
                return false
            }
            if hasRoom { continuation.resume() }
        }
        return state.withLock { !$0.isAbandoned }
    }

    /// After the last chunk: the stream is over, or broken by `error`.
    func finish(_ error: (any Error)? = nil) {
        state.withLock { $0.end = error.map { .failure($0) } ?? .success(()) }
        available.signal()
    }

    /// The next chunk; nil at the end. Blocks the thread. One thread pops, and not again after the end.
    func pop() throws -> ByteBuffer? {
        available.wait()
        let (chunk, producer) = try state.withLock { state -> (ByteBuffer?, CheckedContinuation<Void, Never>?) in
            guard let chunk = state.chunks.popFirst() else {
                try state.end?.get()
                return (nil, nil)
            }
            state.bytes -= chunk.readableBytes
            guard state.bytes <= limit else { return (chunk, nil) }
            defer { state.producer = nil }
            return (chunk, state.producer)
        }
        producer?.resume()
        return chunk
    }

    /// The consumer is gone: what comes is dropped.
    func abandon() {
        let producer = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isAbandoned = true
            state.chunks.removeAll()
            defer { state.producer = nil }
            return state.producer
        }
        producer?.resume()
    }
}
