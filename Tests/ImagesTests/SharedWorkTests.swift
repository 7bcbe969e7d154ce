import Synchronization
import Testing

@testable import Images

/// What happened, in order.
private final class Log: Sendable {
    private let lines = Mutex<[String]>([])
    var entries: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

@Suite struct SharedWorkTests {
    private let shared = SharedWork<String, Int, Int>()

    @Test func theOneWhoBeganMayLeave() async throws {
        let gate = Gate()
        let log = Log()
        @Sendable func value() async throws -> Int {
            try await shared.value(for: "key") { _ in
                log.add("started")
                try await gate.pass()
                return 7
            }
        }
        let first = Task { try await value() }
        try await gate.waitForArrivals(1)
        let second = Task { try await value() }
        while shared.callers(of: "key") < 2 { try await Task.sleep(for: .milliseconds(2)) }
        first.cancel()
        await #expect(throws: SharedWork<String, Int, Int>.Failure.self) { try await first.value }
        #expect(shared.callers(of: "key") == 1)
        gate.open()
        #expect(try await second.value == 7)
        #expect(log.entries == ["started"])
        #expect(shared.callers(of: "key") == 0)
    }

    /// Once all have left the work is cancelled; who comes then waits for its end and begins anew.
    @Test func abandonedWorkIsNotJoined() async throws {
        let ending = Gate()
        let log = Log()
        let first = Task {
            try await shared.value(for: "key") { _ in
                try? await Task.sleep(for: .seconds(60))
                await Task.detached { try? await ending.pass() }.value
                log.add("ended")
                throw CancellationError()
            }
        }
        while shared.callers(of: "key") < 1 { try await Task.sleep(for: .milliseconds(2)) }
        first.cancel()
        try await ending.waitForArrivals(1)
        let second = Task {
            try await shared.value(for: "key") { _ in
                log.add("begun anew")
                return 8
            }
        }
        try await Task.sleep(for: .milliseconds(20))
        ending.open()
        #expect(try await second.value == 8)
        #expect(log.entries == ["ended", "begun anew"])
    }

    @Test func everyCallerIsToldAndFailsAlike() async throws {
        struct Broken: Error {}
        @Sendable func fail() throws -> Int { throw Broken() }
        let gate = Gate()
        let log = Log()
        @Sendable func value(_ name: String) async throws -> Int {
            let observer: @Sendable (Int) -> Void = { event in log.add("\(name)\(event)") }
            return try await shared.value(for: "key", observer: observer) { tell in
                try await gate.pass()
                tell(1)
                return try fail()
            }
        }
        let first = Task { try await value("a") }
        try await gate.waitForArrivals(1)
        let second = Task { try await value("b") }
        while shared.callers(of: "key") < 2 { try await Task.sleep(for: .milliseconds(2)) }
        gate.open()
        for (task, joined) in [(first, false), (second, true)] {
            let failure = await #expect(throws: SharedWork<String, Int, Int>.Failure.self) { try await task.value }
            #expect(failure?.error is Broken)
            #expect(failure?.joined == joined)
        }
        #expect(log.entries.sorted() == ["a1", "b1"])
    }

    @Test func differentKeysAreDifferentWork() async throws {
        async let one = shared.value(for: "1") { _ in 1 }
        async let two = shared.value(for: "2") { _ in 2 }
        #expect(try await [one, two] == [1, 2])
    }
}
