import Synchronization

/// Hands events to whoever subscribed, in the order in which they are published.
///
/// Publishing never waits. A subscriber that lags behind by more than its buffer is cut off with an error: an event left out
/// would be a change that it never learns of, while one who is cut off knows that it has to look at everything anew.
final class EventPublisher<Event: Sendable>: Sendable {
    typealias Subscription = AsyncThrowingStream<Event, any Error>

    private struct State {
        var subscribers: [UInt64: Subscription.Continuation] = [:]
        var next: UInt64 = 0
        var finished = false
    }

    private let state = Mutex(State())
    private let capacity: Int

    /// - Parameter capacity: events that a subscriber may lag behind.
    init(capacity: Int) { self.capacity = capacity }

    /// The events from now on. The subscription ends with its reader; after ``finish()`` it is an empty one.
    func subscribe() -> Subscription {
        let (stream, continuation) = Subscription.makeStream(bufferingPolicy: .bufferingOldest(capacity))
        let id = state.withLock { state -> UInt64? in
            guard !state.finished else { return nil }
            state.next += 1
            state.subscribers[state.next] = continuation
            return state.next
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in self?.remove(id) }
        return stream
    }

    /// How many read.
    var subscriberCount: Int { state.withLock { $0.subscribers.count } }

    func publish(_ event: Event) {
        let cutOff = state.withLock { state in
            var full: [Subscription.Continuation] = []
            for (id, subscriber) in state.subscribers {
                guard case .dropped = subscriber.yield(event) else { continue }
                full.append(subscriber)
                state.subscribers[id] = nil
            }
            return full
        }
        // Not under the lock: ending a subscription calls back.
        let error = NodeError.resourceExhausted(
            "the subscriber is more than \(capacity) events behind and is cut off: subscribe again, and list what there is")
        for subscriber in cutOff { subscriber.finish(throwing: error) }
    }

    /// Ends all subscriptions after what they have yet to read.
    func finish() {
        let all = state.withLock { state in
            state.finished = true
            defer { state.subscribers = [:] }
            return Array(state.subscribers.values)
        }
        for subscriber in all { subscriber.finish() }
    }

    private func remove(_ id: UInt64) { _ = state.withLock { $0.subscribers.removeValue(forKey: id) } }
}
