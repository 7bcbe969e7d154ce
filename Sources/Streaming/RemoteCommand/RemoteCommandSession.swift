import Linux
import Logging
import NIOCore

/// One exec or attach of a client: waits for its streams, runs the backend, tells how it ended.
/// Used on the connection's event loop alone.
final class RemoteCommandSession: StreamSession {
    typealias Work = @Sendable (ExecStreams) async throws -> Int32

    private let expected: Set<StreamKind>
    private let version: Int
    private let work: Work
    private weak var carrier: (any StreamCarrier)?
    private let logger: Logger
    private let deadline: Deadline
    private var streams: [StreamKind: StreamEndpoint] = [:]
    private var state = State.waiting

    private enum State {
        case waiting
        case running(Task<Void, Never>)
        case ended
    }

    /// - Parameters:
    ///   - version: of the remotecommand protocol.
    ///   - hasResize: whether it has a stream for the terminal's size.
    ///   - creationTimeout: how long the client has to open all streams.
    init(
        _ requested: RequestedStreams, version: Int, hasResize: Bool, eventLoop: any EventLoop, creationTimeout: TimeAmount, logger: Logger,
        work: @escaping Work
    ) {
        let wanted: [(StreamKind, Bool)] = [
            (.error, true), (.stdin, requested.stdin), (.stdout, requested.stdout), (.stderr, requested.stderr),
            (.resize, requested.terminal && hasResize),
        ]
        expected = Set(wanted.filter(\.1).map(\.0))
        self.version = version
        self.work = work
        self.logger = logger
        deadline = Deadline(eventLoop)
        deadline.set(creationTimeout) { [weak self] in
            self?.finish(.failure("the client did not open its streams within \(creationTimeout.nanoseconds / 1_000_000_000) s"))
        }
    }

    func connected(_ carrier: any StreamCarrier) {
        self.carrier = carrier
    }

    func opened(_ stream: StreamEndpoint, headers: StreamHeaders) -> Bool {
        guard let kind = headers[StreamHeaders.streamType].flatMap(StreamKind.init), streams[kind] == nil else { return false }
        if case .ended = state { return false }
        streams[kind] = stream
        // What is not for reading is not to fill memory either.
        if (kind != .stdin && kind != .resize) || !expected.contains(kind) { stream.discardInput() }
        if case .waiting = state, expected.isSubset(of: streams.keys) { start() }
        return true
    }

    func reset(_ stream: StreamEndpoint) {
        guard streams.values.contains(where: { $0 === stream }) else { return }
        // With its error stream a client gives up the whole.
        if stream === streams[.error] { connectionLost() }
    }

    func connectionLost() {
        deadline.cancel()
        if case .running(let task) = state { task.cancel() }
        state = .ended
    }

    private func start() {
        deadline.cancel()
        guard let error = streams[.error] else { return }
        let execStreams = ExecStreams(
            stdin: reader(.stdin), stdout: writer(.stdout), stderr: writer(.stderr), resizes: resizes(),
            eventLoop: error.eventLoop)
        let this = NIOLoopBound(self, eventLoop: error.eventLoop)
        let work = work
        state = .running(
            Task {
                let outcome: RemoteStatus.Outcome
                do {
                    let code = try await work(execStreams)
                    outcome = code == 0 ? .success : .exitCode(code)
                } catch {
                    outcome = .failure("\(error)")
                }
                this.eventLoop.execute { this.value.finish(outcome) }
            })
    }

    private func finish(_ outcome: RemoteStatus.Outcome) {
        if case .ended = state { return }
        state = .ended
        guard let carrier else { return }
        if case .failure(let message) = outcome { logger.debug("a stream session failed", metadata: ["error": "\(message)"]) }
        if let error = streams[.error] {
            error.write(RemoteStatus(outcome: outcome).message(version: version)) { _ in }
        }
        // The status goes first: the clients of version 1 are content when stdout and stderr have ended.
        let order: [StreamKind] = [.error, .stdout, .stderr, .stdin, .resize]
        let open = order.compactMap { streams[$0] }
        var unfinished = open.count
        guard unfinished > 0 else { return carrier.closeGracefully() }
        for stream in open {
            stream.finish {
                unfinished -= 1
                if unfinished == 0 { carrier.closeGracefully() }
            }
        }
    }
}

/// The ends for the backend.
extension RemoteCommandSession {
    private func reader(_ kind: StreamKind) -> ByteReader? {
        expected.contains(kind) ? streams[kind].map(ByteReader.init) : nil
    }

    private func writer(_ kind: StreamKind) -> ByteWriter? {
        expected.contains(kind) ? streams[kind].map(ByteWriter.init) : nil
    }

    private func resizes() -> AsyncStream<TerminalSize> {
        let (sizes, continuation) = AsyncStream.makeStream(of: TerminalSize.self, bufferingPolicy: .bufferingNewest(1))
        guard expected.contains(.resize), let stream = streams[.resize] else {
            continuation.finish()
            return sizes
        }
        ResizeReader(stream, continuation).read()
        return sizes
    }
}

/// Turns the bytes of a resize stream into sizes, until they end or make no sense.
private final class ResizeReader {
    private let stream: StreamEndpoint
    private let continuation: AsyncStream<TerminalSize>.Continuation
    private var decoder = ResizeDecoder()

    init(_ stream: StreamEndpoint, _ continuation: AsyncStream<TerminalSize>.Continuation) {
        self.stream = stream
        self.continuation = continuation
    }

    func read() {
        stream.read { [self] result in
            do {
                guard let bytes = try result.get() else { return continuation.finish() }
                if let size = try decoder.receive(bytes) { continuation.yield(size) }
                read()
            } catch {
                continuation.finish()
                stream.discardInput()
            }
        }
    }
}
