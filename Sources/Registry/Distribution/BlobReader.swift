import AsyncHTTPClient
import Logging
import NIOCore
import OCI

/// Reads one blob from its source, piece by piece as it is asked to, over as many connections as that takes.
actor BlobReader {
    private let descriptor: Descriptor
    private let retry: RetryPolicy
    private let logger: Logger
    private let stallSeconds: Int
    private let open: @Sendable (_ offset: Int64) async throws -> BlobAnswer

    private var progress: BlobProgress
    private var floor: ProgressFloor
    private var pieces: HTTPClientResponse.Body.AsyncIterator?
    private var server = ""

    /// - Parameter open: connects to a place that has the blob.
    init(
        _ descriptor: Descriptor, from offset: Int64, retry: RetryPolicy, stallSeconds: Int, floor: ProgressFloor, logger: Logger,
        open: @escaping @Sendable (_ offset: Int64) async throws -> BlobAnswer
    ) {
        (self.descriptor, self.retry, self.stallSeconds, self.logger, self.open) = (descriptor, retry, stallSeconds, logger, open)
        self.floor = floor
        progress = BlobProgress(size: descriptor.size, from: offset)
    }

    /// Connects, so that a missing blob is an error before anything is read.
    func start() async throws {
        guard !progress.isComplete else { return }
        let answer = try await open(progress.position)
        floor.opened()
        progress.opened(surplus: answer.surplus)
        (pieces, server) = (answer.body.makeAsyncIterator(), answer.server)
    }

    /// The next piece, never empty; nil after the last.
    func next() async throws -> ByteBuffer? {
        while true {
            do {
                if pieces == nil, !progress.isComplete { try await start() }
                let asked = ContinuousClock.now
                guard let piece = try await nextPiece() else {
                    pieces = nil
                    if progress.isComplete { return nil }
                    throw ConnectionFailure(
                        kind: .broken, error: .unreachable(registry: server, problem: "it closed the connection before the end of the blob")
                    )
                }
                guard !floor.take(piece.readableBytes, after: ContinuousClock.now - asked) else {
                    throw RegistryError.slow(registry: server, seconds: Int(floor.window.components.seconds))
                }
                if let kept = try keep(piece) { return kept }
            } catch let error as RegistryError where !error.isWorthResuming {
                throw error
            } catch {
                try await pause(after: error)
            }
        }
    }

    private func nextPiece() async throws -> ByteBuffer? {
        guard var iterator = pieces else { return nil }
        defer { pieces = iterator }
        return try await iterator.next(isolation: self)
    }

    private func keep(_ piece: ByteBuffer) throws -> ByteBuffer? {
        var piece = piece
        switch progress.take(piece.readableBytes) {
        case .tooLong: throw RegistryError.blobTooLong(descriptor.digest, registry: server, size: descriptor.size)
        case .keep(let dropped, let count):
            piece.moveReaderIndex(forwardBy: dropped)
            return count == 0 ? nil : piece
        }
    }

    private func pause(after error: any Error) async throws {
        pieces = nil
        let failure: RegistryError
        if let slow = error as? RegistryError, case .slow = slow {
            failure = slow
        } else {
            failure = try ConnectionFailure.classify(error, server: server, stallSeconds: stallSeconds).error
        }
        progress.broken()
        guard floor.slowConnections < ProgressFloor.mostSlowConnections, let pause = retry.pause(failures: progress.failures, jitter: .random(in: 0...1)) else {
            throw RegistryError.blobIncomplete(
                descriptor.digest, registry: server, received: progress.position, size: descriptor.size, cause: failure)
        }
        logger.info(
            "a blob is resumed",
            metadata: ["blob": "\(descriptor.digest)", "position": "\(progress.position)", "after": "\(pause)", "error": "\(failure)"])
        try await Task.sleep(for: pause)
    }
}

extension RegistryError {
    /// Whether a server that is away for a moment may be behind it.
    var isWorthResuming: Bool {
        switch root {
        case .unreachable, .stalled, .slow, .serverFailure, .tooManyRequests: true
        default: false
        }
    }
}
