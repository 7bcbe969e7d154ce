import Logging
import NIOCore

@testable import Streaming

/// Runs a server for the time of a test.
func withServer<R>(
    _ backend: FakeBackend, _ options: StreamingOptions = StreamingOptions(), _ body: (StreamingServer) async throws -> R
) async throws -> R {
    let server = StreamingServer(options: options, backend: backend, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await server.start()
    do {
        let result = try await body(server)
        await server.shutdown()
        return result
    } catch {
        await server.shutdown()
        throw error
    }
}

extension StreamingServer {
    var testPort: Int { port ?? 0 }
}

extension ByteBuffer {
    static func random(_ count: Int) -> ByteBuffer {
        var generator = SystemRandomNumberGenerator()
        var buffer = ByteBuffer()
        for _ in 0..<(count + 7) / 8 { buffer.writeInteger(generator.next()) }
        return buffer.getSlice(at: 0, length: count) ?? buffer
    }
}
