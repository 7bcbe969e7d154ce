import CLinux
import Glibc
import Synchronization

/// One thread in epoll_wait(2), on which any number of tasks wait for descriptors: pipes, sockets, pidfds, inotify.
///
/// Each wait registers a duplicate of the descriptor, so that the same one may be waited for by several tasks and
/// in both directions at once, and the caller may close its own at any time.
public final class Poller: Sendable {
    /// The process's poller.
    public static let shared = Poller()

    private struct Waiter {
        let descriptor: CInt
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var waiters: [UInt64: Waiter] = [:]
        var next: UInt64 = 1
    }

    private let epoll: CInt
    private let state = Mutex(State())

    init() {
        epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        precondition(epoll >= 0, "the kernel gives no epoll instance: \(SystemError("epoll_create1"))")
        startThread(named: "poller") { [self] in
            while true { waitOnce() }
        }
    }

    /// Suspends until a read on `descriptor` would not wait: data, the end of the file, or an error.
    /// - Throws: `SystemError` if the descriptor cannot be waited for; `CancellationError`.
    public func readable(_ descriptor: CInt) async throws { try await wait(descriptor, EPOLLIN.rawValue) }

    /// Suspends until a write on `descriptor` would not wait.
    /// - Throws: `SystemError` if the descriptor cannot be waited for; `CancellationError`.
    public func writable(_ descriptor: CInt) async throws { try await wait(descriptor, EPOLLOUT.rawValue) }

    private func wait(_ descriptor: CInt, _ events: UInt32) async throws {
        let token = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                register(token, descriptor, events, continuation)
                // A cancellation that came before the registration found nothing to resume.
                if Task.isCancelled { finish(token, .failure(CancellationError())) }
            }
        } onCancel: {
            finish(token, .failure(CancellationError()))
        }
    }

    private func register(
        _ token: UInt64, _ descriptor: CInt, _ events: UInt32, _ continuation: CheckedContinuation<Void, any Error>
    ) {
        let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { return continuation.resume(throwing: SystemError("fcntl", "descriptor \(descriptor)")) }
        state.withLock { $0.waiters[token] = Waiter(descriptor: own, continuation: continuation) }
        var event = epoll_event(events: events | EPOLLONESHOT.rawValue, data: epoll_data_t(u64: token))
        if epoll_ctl(epoll, EPOLL_CTL_ADD, own, &event) != 0 {
            finish(token, .failure(SystemError("epoll_ctl", "descriptor \(descriptor)")))
        }
    }

    private func waitOnce() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        let count = epoll_wait(epoll, &events, 64, -1)
        for event in events.prefix(Int(max(0, count))) { finish(event.data.u64, .success(())) }
    }

    private func finish(_ token: UInt64, _ result: Result<Void, any Error>) {
        guard let waiter = state.withLock({ $0.waiters.removeValue(forKey: token) }) else { return }
        // Closing alone would not do: the original keeps the open file, and with it the registration, alive.
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, waiter.descriptor, nil)
        _ = close(waiter.descriptor)
        waiter.continuation.resume(with: result)
    }
}
