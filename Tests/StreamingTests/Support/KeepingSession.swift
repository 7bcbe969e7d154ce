@testable import Streaming

/// A session that takes every stream and does nothing with it.
final class KeepingSession: StreamSession {
    private(set) var streams: [UInt32: StreamEndpoint] = [:]
    private(set) var isLost = false

    func connected(_ carrier: any StreamCarrier) {}

    func opened(_ stream: StreamEndpoint, headers: StreamHeaders) -> Bool {
        streams[stream.id] = stream
        return true
    }

    func reset(_ stream: StreamEndpoint) { streams[stream.id] = nil }

    func connectionLost() { isLost = true }
}
