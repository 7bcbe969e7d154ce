import Logging
import Testing

@testable import Streaming

@Suite struct PortTests {
    private func server(port: Int) -> StreamingServer {
        StreamingServer(
            options: StreamingOptions(address: "127.0.0.1", port: port), backend: FakeBackend(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test("A port that another still holds at the start is taken when it is free")
    func waiting() async throws {
        let first = server(port: 0)
        try await first.start()
        let second = server(port: first.testPort)
        let starting = Task { try await second.start() }
        try await Task.sleep(for: .milliseconds(50))
        await first.shutdown()
        try await starting.value
        #expect(second.port != nil)
        await second.shutdown()
    }
}
