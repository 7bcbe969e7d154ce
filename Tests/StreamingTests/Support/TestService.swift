import Glibc
import NIOCore
import NIOPosix

/// A TCP service on a free port of 127.0.0.1 that does something with each connection's bytes.
struct TestService {
    private let channel: any Channel

    var port: UInt16 { UInt16(channel.localAddress?.port ?? 0) }

    /// - Parameter handler: one for each connection; half-closed connections stay open.
    static func with<R>(
        _ handler: @escaping @Sendable () -> any ChannelHandler & Sendable, _ body: (TestService) async throws -> R
    ) async throws -> R {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { $0.pipeline.addHandler(handler()) }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            let result = try await body(TestService(channel: channel))
            try await channel.close()
            return result
        } catch {
            try await channel.close()
            throw error
        }
    }
}

/// Sends everything back, and its own end after the client's.
final class Echo: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(data, promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "[end]"))).whenComplete { _ in channel.close(promise: nil) }
    }
}

/// Says something and closes its side, then counts what still comes.
final class Greeter: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "welcome"))).whenComplete { _ in
            channel.close(mode: .output, promise: nil)
        }
    }
}

/// Resets the connection at the first byte.
final class Resetter: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = context.channel
        // Closing without lingering is a reset, socket(7).
        guard let options = channel as? any SocketOptionProvider else { return }
        options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
    }
}
