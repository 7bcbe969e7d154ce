import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

/// How connections to registries are opened, shared and given up.
struct ConnectionLimits: Sendable {
    var connect: Duration
    var stall: Duration

    /// An answer's head comes within so long: what comes before it may be without an end.
    var answerSeconds: Int { max(120, 2 * stallSeconds) }
    var stallSeconds: Int { Int(stall.components.seconds) }

    /// The most that one read from a socket takes up: layers arrive in pieces of this size when the network is fast.
    static let longestRead = 256 << 10

    /// A client for all registries. It follows no redirects by itself, as those may lead credentials astray, and speaks HTTP/1.1:
    /// layers in parallel then have a connection and a flow-control window each.
    func makeClient(proxy: Proxy? = nil) -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.proxy = proxy?.configuration
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = TimeAmount(connect)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        configuration.connectionPool.idleTimeout = .seconds(15)
        // Attempts are repeated by ``RetryPolicy``, which knows what a mirror is.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.http1_1ConnectionDebugInitializer = { [stall] channel in
            channel.eventLoop.makeCompletedFuture {
                let options = channel.syncOptions
                try options?.setOption(
                    .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4 << 10, initial: 64 << 10, maximum: Self.longestRead))
                try channel.pipeline.syncOperations.addHandler(StallHandler(limit: TimeAmount(stall)), position: .first)
                let pipeline = channel.pipeline.syncOperations
                let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
                try pipeline.addHandler(InterimAnswerLimit(), position: .after(decoder))
            }
        }
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}
