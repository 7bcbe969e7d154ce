import Logging
import NIOCore

/// One client's port-forward: any number of connections to ports of a pod, each with a stream for data and one for
/// errors. Used on the connection's event loop alone.
final class PortForwardSession: StreamSession {
    typealias Connect = @Sendable (UInt16) async throws -> CInt

    private let eventLoop: any EventLoop
    private let creationTimeout: TimeAmount
    private let opensLater: Bool
    private let connect: Connect
    private let logger: Logger
    private let deadline: Deadline
    private weak var carrier: (any StreamCarrier)?
    private var pairs = StreamPairs<StreamEndpoint>()
    private var running: [UInt32: Task<Void, Never>] = [:]
    private var isLost = false

    /// - Parameters:
    ///   - creationTimeout: how long the client has to open the second stream of a pair.
    ///   - opensLater: the client can open streams at any time, and end each direction of them. Without that, the
    ///     connection ends with the last forwarded one, and that with what the pod sends.
    init(
        eventLoop: any EventLoop, creationTimeout: TimeAmount, opensLater: Bool, logger: Logger, connect: @escaping Connect
    ) {
        self.eventLoop = eventLoop
        self.creationTimeout = creationTimeout
        self.opensLater = opensLater
        self.logger = logger
        self.connect = connect
        deadline = Deadline(eventLoop)
    }

    func connected(_ carrier: any StreamCarrier) {
        self.carrier = carrier
    }

    func opened(_ stream: StreamEndpoint, headers: StreamHeaders) -> Bool {
        guard !isLost, let announcement = StreamPairs<StreamEndpoint>.Announcement(headers, stream: stream.id) else { return false }
        if announcement.role == .error { stream.discardInput() }
        switch pairs.add(stream, announcement, deadline: .now() + creationTimeout) {
        case .refused: return false
        case .complete(let pair): start(pair)
        case .incomplete: if pairs.count == 1 { watch() }
        }
        return true
    }

    func reset(_ stream: StreamEndpoint) {
        pairs.remove { $0 === stream }
        running[stream.id]?.cancel()
    }

    func connectionLost() {
        isLost = true
        deadline.cancel()
        for task in running.values { task.cancel() }
    }

    /// Ends streams whose other does not come.
    private func watch() {
        deadline.set(creationTimeout) { [weak self] in
            guard let self else { return }
            for late in pairs.expire(at: .now()) { expire(late) }
            if pairs.count > 0 { watch() }
        }
    }

    private func expire(_ late: StreamPairs<StreamEndpoint>.Waiting) {
        guard late.announcement.role == .error else { return late.stream.reset() }
        let text = "the data stream of port-forward request \(late.announcement.requestID) was not opened in time"
        late.stream.write(ByteBuffer(string: text)) { _ in }
        late.stream.finish()
    }

    private func start(_ pair: StreamPairs<StreamEndpoint>.Pair) {
        let (port, id) = (pair.port, pair.data.id)
        let data = NIOLoopBound(pair.data, eventLoop: eventLoop)
        let error = NIOLoopBound(pair.error, eventLoop: eventLoop)
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let (connect, opensLater) = (connect, opensLater)
        running[id] = Task {
            var failure: (any Error)?
            do {
                let socket = try await connect(port)
                try await DescriptorBridge.exchange(socket: socket, with: data, waitsForClient: opensLater)
            } catch {
                failure = error
            }
            this.eventLoop.execute { [failure] in this.value.finish(port, data.value, error.value, failure) }
        }
    }

    /// Tells what went wrong, then ends both streams: clients wait for the error stream's end.
    ///
    /// Of a connection that the pod refused or reset, a client of SPDY is told by that stream's reset alone: kubectl and all that use
    /// client-go's port-forward end the whole session, with everyone else's connections, at the first word on an error stream.
    private func finish(_ port: UInt16, _ data: StreamEndpoint, _ error: StreamEndpoint, _ failure: (any Error)?) {
        running[data.id] = nil
        if let failure, !(failure is StreamingError), !(failure is CancellationError) {
            logger.debug("a forwarded connection failed", metadata: ["port": "\(port)", "error": "\(failure)"])
            if !opensLater || !Self.isOfConnection(failure) {
                error.write(ByteBuffer(string: "cannot forward port \(port): \(failure)")) { _ in }
            }
        }
        error.finish { [self] in
            if failure != nil { data.reset() }
            if !opensLater, running.isEmpty { carrier?.closeGracefully() }
        }
    }

    /// Whether one connection failed, and others may not.
    private static func isOfConnection(_ failure: any Error) -> Bool { failure is ConnectionFailure || failure is IOError }
}
