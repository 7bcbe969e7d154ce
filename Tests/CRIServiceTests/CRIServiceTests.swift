import CRI
import Foundation
import GRPCCore
import Linux
import NIOCore
import Testing

@testable import CRIService
@testable import Node

@Suite struct CRIServiceTests {
    @Test(arguments: [
        ("5S", Duration.seconds(5)), ("100m", .milliseconds(100)), ("1H", .seconds(3600)), ("2M", .seconds(120)), ("7u", .microseconds(7)),
        ("9n", .nanoseconds(9)), ("99999999S", .seconds(99_999_999)),
    ])
    func timeouts(_ text: String, _ duration: Duration) { #expect(GRPCTimeout.parse(text) == duration) }

    @Test("No time that a caller asks for is more than the clocks take")
    func boundedTimes() async throws {
        for seconds in [Int64.min, -1, 0, 1, 1 << 40, .max] {
            let duration = Duration.bounded(seconds: seconds)
            #expect(duration >= .zero && duration <= .seconds(1 << 28))
            let now = ContinuousClock.now
            #expect(now + duration >= now)
        }
        for unit in "HMS" { #expect(try #require(GRPCTimeout.parse("99999999\(unit)")) <= .seconds(1 << 28)) }
        #expect(Duration.bounded(seconds: 30) == .seconds(30))
    }

    @Test(arguments: ["", "S", "5", "5x", "-5S", "123456789S", "5 S", "5.0S"])
    func whatIsNoTimeout(_ text: String) { #expect(GRPCTimeout.parse(text) == nil) }

    @Test func eachErrorHasItsStatus() {
        let expected: [(NodeError, RPCError.Code)] = [
            (.notFound("x"), .notFound), (.invalidArgument("x"), .invalidArgument), (.alreadyExists("x"), .alreadyExists),
            (.failedPrecondition("x"), .failedPrecondition), (.deadlineExceeded("x"), .deadlineExceeded), (.unavailable("x"), .unavailable),
            (.resourceExhausted("x"), .resourceExhausted), (.unauthenticated("x"), .unauthenticated), (.unimplemented("x"), .unimplemented),
            (.failed("x"), .internalError),
        ]
        for (error, code) in expected {
            let status = RequestInterceptor.status(of: error)
            #expect(status.code == code && status.message == "x")
        }
        #expect(RequestInterceptor.status(of: CancellationError()).code == .cancelled)
        struct Other: Error {}
        #expect(RequestInterceptor.status(of: Other()).code == .internalError)
    }

    private enum Strange: Error { case brokenPipe(Int), gone }
    private struct Verbose: Error, CustomStringConvertible { let description = "Verbose(code: 1)" }
    private struct Plain: Error { let code = 1 }

    @Test("No type's name reaches a client, whatever fails")
    func noTypes() throws {
        struct Document: Decodable { let name: [String: Int] }
        var errors: [any Error] = [
            CancellationError(), Strange.brokenPipe(3), Strange.gone, Verbose(), Plain(), POSIXError(.EIO), ChannelError.eof,
            IOError(errnoCode: EPIPE, reason: "write"),
        ]
        for text in ["{", "{}", #"{"name": null}"#, #"{"name": {"a": "b"}}"#] {
            do { _ = try JSONDecoder().decode(Document.self, from: Data(text.utf8)) } catch { errors.append(error) }
        }
        #expect(errors.count == 12)
        for error in errors {
            for status in [RequestInterceptor.status(of: error), RequestInterceptor.status(of: NodeError(error, "stopping"))] {
                #expect(!status.message.isEmpty && !status.message.contains("Error"), "\(type(of: error))")
                #expect(!status.message.contains("\(type(of: error))"))
            }
        }
        #expect(words(Strange.brokenPipe(3)) == "broken pipe" && words(Strange.gone) == "gone")
        #expect(words(NodeError.notFound("no pod")) == "no pod")
        #expect(NodeError(CancellationError(), "x").rpcErrorCode == .unavailable)
    }

    @Test("A request that is cut off since the daemon stops is UNAVAILABLE")
    func stopping() async {
        let status = await Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return RequestInterceptor.status(of: CancellationError())
        }.value
        #expect(status.code == .unavailable)
    }

    private func container(_ id: String, _ phase: ContainerPhase) -> ContainerRecord {
        ContainerRecord(
            id: id, podID: "pod1", config: .with { $0.labels = ["a": "b", "c": "d"] }, imageID: "", imageReference: "", createdAt: 1,
            startedAt: 0,
            phase: phase, logPath: "", cgroupPath: "", stopSignal: 15, user: .init(), resources: .init(), imageVolumes: [], mounts: .init())
    }

    @Test func filters() {
        let running = container("abc", .running)
        #expect(running.matches(nil) && running.matches(.init()))
        #expect(running.matches(.with { $0.id = "ab" }) && !running.matches(.with { $0.id = "b" }))
        #expect(running.matches(.with { $0.podSandboxID = "pod" }) && !running.matches(.with { $0.podSandboxID = "pod2" }))
        #expect(
            running.matches(.with { $0.state.state = .containerRunning }) && !running.matches(.with { $0.state.state = .containerCreated }))
        #expect(running.matches(.with { $0.labelSelector = ["a": "b"] }) && !running.matches(.with { $0.labelSelector = ["a": "x"] }))
        #expect(!container("abc", .creating).matches(nil))
    }

    @Test func reasons() {
        #expect(ContainerExit(code: 0, finishedAt: 1).reason == "Completed")
        #expect(ContainerExit(code: 1, finishedAt: 1).reason == "Error")
        #expect(ContainerExit(code: 137, finishedAt: 1, outOfMemory: true).reason == "OOMKilled")
    }

    @Test func batchesLoseNothing() {
        #expect(Array(0..<250).batches(of: 100).map(\.count) == [100, 100, 50])
        #expect([Int]().batches().isEmpty)
    }
}
