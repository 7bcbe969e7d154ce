import Testing

@testable import Streaming

@Suite("Tokens") struct TokenTableTests {
    private let request = StreamingRequest.exec(RemoteCommand(containerID: "c", command: ["ls"], streams: .all))
    private let start = ContinuousClock.now

    @Test("a token is good once") func once() throws {
        var table = TokenTable(lifetime: .seconds(60), limit: 10)
        let token = try table.issue(request, now: start)
        #expect(table.redeem(token, as: .exec, now: start) == request)
        #expect(table.redeem(token, as: .exec, now: start) == nil)
    }

    @Test("a token is good for a minute") func expiry() throws {
        var table = TokenTable(lifetime: .seconds(60), limit: 10)
        let (first, second) = (try table.issue(request, now: start), try table.issue(request, now: start))
        #expect(table.redeem(first, as: .exec, now: start + .seconds(59)) != nil)
        #expect(table.redeem(second, as: .exec, now: start + .seconds(60)) == nil)
    }

    @Test("a token is good for its request alone, and lost when tried for another") func kind() throws {
        var table = TokenTable(lifetime: .seconds(60), limit: 10)
        let token = try table.issue(request, now: start)
        #expect(table.redeem(token, as: .attach, now: start) == nil)
        #expect(table.redeem(token, as: .exec, now: start) == nil)
    }

    @Test("tokens cannot be guessed from each other, and fit into a URL") func randomness() throws {
        var table = TokenTable(lifetime: .seconds(60), limit: 1000)
        let tokens = try Set((0..<1000).map { _ in try table.issue(request, now: start) })
        #expect(tokens.count == 1000)
        #expect(tokens.allSatisfy { $0.count == 32 && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) } })
    }

    @Test("there are no more than the limit, and old ones make room") func limit() throws {
        var table = TokenTable(lifetime: .seconds(60), limit: 3)
        for _ in 0..<3 { _ = try table.issue(request, now: start) }
        #expect(throws: StreamingError.tooManyRequests(limit: 3)) { try table.issue(request, now: start + .seconds(59)) }
        _ = try table.issue(request, now: start + .seconds(61))
        #expect(table.count == 1)
    }
}
