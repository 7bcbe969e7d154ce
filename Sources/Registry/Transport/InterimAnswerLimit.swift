import NIOCore
import NIOHTTP1

/// A server that answers with 1xx statuses and no end, RFC 9110 section 15.2.
struct EndlessInterimAnswers: Error {}

/// Ends a connection whose server puts too many interim answers before a final one: each resets the watch for stalls, and
/// nobody reads them.
final class InterimAnswerLimit: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    static let most = 16
    private var seen = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            seen = (100..<200).contains(head.status.code) ? seen + 1 : 0
            guard seen <= Self.most else {
                context.fireErrorCaught(EndlessInterimAnswers())
                return context.close(promise: nil)
            }
        }
        context.fireChannelRead(data)
    }
}
