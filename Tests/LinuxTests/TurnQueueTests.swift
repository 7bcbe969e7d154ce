import Synchronization
import Testing

@testable import Linux

@Suite struct TurnQueueTests {
    /// A door that is opened once.
    private struct Door {
        private let stream: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation
        init() { (stream, continuation) = AsyncStream<Void>.makeStream() }
        func open() { continuation.finish() }
        func passed() async { for await _ in stream {} }
    }

    /// What several pieces of work tell of themselves.
    private final class Record: Sendable {
        private struct State {
            var running = 0
            var most = 0
            var order: [Int] = []
        }

        private let state = Mutex(State())
        var most: Int { state.withLock { $0.most } }
        var order: [Int] { state.withLock { $0.order } }

        func begin(_ number: Int) {
            state.withLock {
                $0.running += 1
                $0.most = max($0.most, $0.running)
                $0.order.append(number)
            }
        }

        func end() { state.withLock { $0.running -= 1 } }
    }

    @Test func noMoreRunThanThereArePlacesAndInTheOrderOfAsking() async throws {
        let queue = TurnQueue(places: 2)
        let record = Record()
        let door = Door()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    await queue.run {
                        record.begin(number)
                        await door.passed()
                        record.end()
                    }
                }
                // Each asks when the one before has its place or waits.
                while record.order.count + queue.waiting <= number { await Task.yield() }
            }
            #expect(queue.waiting == 6 && record.order == [0, 1])
            door.open()
        }
        #expect(record.most == 2 && Set(record.order) == Set(0..<8))
        #expect(queue.waiting == 0)
    }

    @Test func whoCameFirstIsFirst() async throws {
        let queue = TurnQueue(places: 1)
        let record = Record()
        let door = Door()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<6 {
                group.addTask {
                    await queue.run {
                        record.begin(number)
                        await door.passed()
                    }
                }
                while record.order.count + queue.waiting <= number { await Task.yield() }
            }
            door.open()
        }
        #expect(record.order == Array(0..<6))
    }

    @Test func aPlaceIsGivenBackByWorkThatFails() async throws {
        struct Stop: Error {}
        let queue = TurnQueue(places: 1)
        for _ in 0..<3 { await #expect(throws: Stop.self) { try await queue.run { throw Stop() } } }
        #expect(await queue.run { 5 } == 5)
    }

    @Test func workThatHangsLosesItsPlaceAndNotMore() async throws {
        let queue = TurnQueue(places: 1, limit: .milliseconds(20))
        let door = Door()
        let hanging = Task { await queue.run { await door.passed() } }
        #expect(await queue.run { 1 } == 1)
        door.open()
        await hanging.value
        // Its end gives no second place.
        #expect(queue.free == 1)
    }
}

@Suite struct JoinedWorkTests {
    @Test func workMayBeWaitedForWithoutBeingStarted() async throws {
        let work = JoinedWork<String, Int>()
        try await work.end(of: "a")
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        await work.begin("a") {
            for await _ in stream {}
            throw SystemError("none", code: 1)
        }
        #expect(await work.isUnderWay("a"))
        let waiting = Task { try await work.end(of: "a") }
        continuation.finish()
        // Its failure is not the waiter's.
        try await waiting.value
        #expect(await !work.isUnderWay("a"))
    }

    @Test func whoWaitsMayLeave() async throws {
        let work = JoinedWork<String, Int>()
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        await work.begin("a") {
            for await _ in stream {}
            return 1
        }
        let waiting = Task { try await work.end(of: "a") }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        continuation.finish()
    }
}
