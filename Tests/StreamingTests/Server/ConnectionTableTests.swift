import Testing

@testable import Streaming

@Suite("Connection table") struct ConnectionTableTests {
    private final class Connection: Sendable {}

    @Test("the one that has been idle for the longest time makes room; those that are served stay") func eviction() {
        let all = (0..<4).map { _ in Connection() }
        var table = ConnectionTable<Connection>()
        for connection in all[..<3] {
            guard case .admitted = table.admit(connection, ObjectIdentifier(connection), limit: 3) else {
                Issue.record("there is room")
                return
            }
        }
        table.serve(ObjectIdentifier(all[0]))
        guard case .instead(let closed) = table.admit(all[3], ObjectIdentifier(all[3]), limit: 3) else {
            Issue.record("an idle one makes room")
            return
        }
        #expect(closed === all[1])
        #expect(table.count == 3)
        #expect(!table.all.contains { $0 === closed })
    }

    @Test("where all are served a new one is refused, until one leaves") func refusal() {
        let all = (0..<2).map { _ in Connection() }
        var table = ConnectionTable<Connection>()
        _ = table.admit(all[0], ObjectIdentifier(all[0]), limit: 1)
        table.serve(ObjectIdentifier(all[0]))
        guard case .refused = table.admit(all[1], ObjectIdentifier(all[1]), limit: 1) else {
            Issue.record("there is no room")
            return
        }
        table.remove(ObjectIdentifier(all[0]))
        guard case .admitted = table.admit(all[1], ObjectIdentifier(all[1]), limit: 1) else {
            Issue.record("there is room")
            return
        }
        #expect(table.count == 1)
    }
}
