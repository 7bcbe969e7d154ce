import Glibc
import NIOCore
import NIOPosix

/// Connects streams with pipes, terminals and sockets on the streams' event loop, so that bytes pass without a hop
/// between threads and without a copy.
enum DescriptorBridge {
    /// Bytes that the kernel may hold of what a socket has received. NIO reads all of them at the peer's end, whether or
    /// not anyone takes them; left to itself, the kernel lets them grow to megabytes.
    static let socketBuffer = 256 << 10

    /// Sends to the stream what can be read, to the end. Owns the descriptor.
    static func input(_ descriptor: CInt, to stream: NIOLoopBound<StreamEndpoint>, drain: DrainSignal) async throws {
        try await input(descriptor, on: stream.eventLoop, to: stream, drain: drain)
    }

    /// Reads and drops, to the end. Owns the descriptor.
    static func discard(_ descriptor: CInt, on loop: any EventLoop, drain: DrainSignal) async throws {
        try await input(descriptor, on: loop, to: nil, drain: drain)
    }

    /// Writes what arrives on the stream, to the end. Owns the descriptor.
    static func output(_ descriptor: CInt, from stream: NIOLoopBound<StreamEndpoint>) async throws {
        let done = stream.eventLoop.makePromise(of: Void.self)
        // NIO would read the rest of its input when a write fails: a pipe for output has none to read from.
        let channel = try await adopt(descriptor, done) {
            try await NIOPipeBootstrap(group: stream.eventLoop).channelOption(.autoRead, value: false).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        DescriptorOutput(stream: stream.value, closing: .all, done: done))
                }
            }.takingOwnershipOfDescriptor(output: descriptor).get()
        }
        try await wait(for: done, on: channel)
    }

    private static func input(
        _ descriptor: CInt, on loop: any EventLoop, to stream: NIOLoopBound<StreamEndpoint>?, drain: DrainSignal
    ) async throws {
        let done = loop.makePromise(of: Void.self)
        let channel = try await adopt(descriptor, done) {
            try await NIOPipeBootstrap(group: loop).channelOption(.autoRead, value: false).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        DescriptorInput(descriptor: descriptor, stream: stream?.value, done: done))
                }
            }.takingOwnershipOfDescriptor(input: descriptor).get()
        }
        drain.whenTriggered {
            loop.execute { (try? channel.pipeline.syncOperations.handler(type: DescriptorInput.self))?.drain() }
        }
        try await wait(for: done, on: channel)
    }

    /// Connects both directions of a socket with a stream. Owns the descriptor.
    ///
    /// - Parameter waitsForClient: ends when both directions have; else when the socket has no more to read.
    /// - Returns: once the socket is closed.
    /// - Throws: `StreamingError.clientGone`, `.streamReset`; `IOError` for a socket that failed; `CancellationError`.
    static func exchange(socket: CInt, with stream: NIOLoopBound<StreamEndpoint>, waitsForClient: Bool = true) async throws {
        let input = stream.eventLoop.makePromise(of: Void.self)
        let output = stream.eventLoop.makePromise(of: Void.self)
        let both = stream.eventLoop.makePromise(of: Void.self)
        // The stream's own end goes out as soon as the socket's has come, while the other direction may go on.
        input.futureResult.whenSuccess { stream.value.finish() }
        if waitsForClient {
            input.futureResult.and(output.futureResult).map { _ in }.cascade(to: both)
        } else {
            input.futureResult.cascade(to: both)
        }
        input.futureResult.whenFailure { both.fail($0) }
        let channel = try await adopt(socket, both, input, output) {
            try await ClientBootstrap(group: stream.eventLoop)
                .channelOption(.autoRead, value: false)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelOption(.socketOption(.so_rcvbuf), value: .init(socketBuffer))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers([
                            DescriptorInput(descriptor: socket, stream: stream.value, done: input),
                            DescriptorOutput(stream: stream.value, closing: .output, done: output),
                        ])
                    }
                }.withConnectedSocket(socket).get()
        }
        try await wait(for: both, on: channel)
    }

    private static func adopt(
        _ descriptor: CInt, _ done: EventLoopPromise<Void>..., bootstrap: () async throws -> any Channel
    ) async throws -> any Channel {
        do {
            return try await bootstrap()
        } catch {
            Glibc.close(descriptor)
            for promise in done { promise.fail(error) }
            throw error
        }
    }

    private static func start(_ channel: any Channel) {
        channel.eventLoop.execute {
            let operations = channel.pipeline.syncOperations
            (try? operations.handler(type: DescriptorInput.self))?.read()
            (try? operations.handler(type: DescriptorOutput.self))?.pump()
        }
    }

    private static func wait(for done: EventLoopPromise<Void>, on channel: any Channel) async throws {
        start(channel)
        defer { channel.close(promise: nil) }
        try await withTaskCancellationHandler {
            try await done.futureResult.get()
        } onCancel: {
            done.fail(CancellationError())
            channel.close(promise: nil)
        }
    }
}
