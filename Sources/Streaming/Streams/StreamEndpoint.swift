import NIOCore

/// This side's end of one stream: bytes that arrived and wait for a reader, bytes that wait for their turn to be sent.
/// Used on its connection's event loop alone; `ByteReader` and `ByteWriter` are for everyone else.
final class StreamEndpoint {
    let id: UInt32
    let eventLoop: any EventLoop
    private let multiplexer: StreamMultiplexer

    private var arrived = CircularBuffer<ByteBuffer>()
    private var arrivedBytes = 0
    private var isFull = false
    private var input = Input.open
    private var isDiscarding = false
    private var reader: ((Result<ByteBuffer?, any Error>) -> Void)?

    private var unsent = CircularBuffer<Unsent>()
    private var isFinished = false
    private var whenFinished: (() -> Void)?
    /// It stands in the multiplexer's queue.
    var hasTurn = false

    private enum Input {
        case open
        case ended
        case failed(any Error)
    }

    private struct Unsent {
        var bytes: ByteBuffer
        let sent: (Result<Void, any Error>) -> Void
    }

    init(id: UInt32, multiplexer: StreamMultiplexer) {
        self.id = id
        self.eventLoop = multiplexer.eventLoop
        self.multiplexer = multiplexer
    }

    private var carrier: (any StreamCarrier)? { multiplexer.carrier }
}

/// From the client.
extension StreamEndpoint {
    func received(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        if isDiscarding {
            carrier?.consumed(bytes.readableBytes, of: id)
            return
        }
        if let reader = reader.take() {
            carrier?.consumed(bytes.readableBytes, of: id)
            reader(.success(bytes))
            return
        }
        append(bytes)
        changeArrived(by: bytes.readableBytes)
    }

    /// Tiny pieces are put together, so that what they cost in memory stays near what they are counted as.
    private func append(_ bytes: ByteBuffer) {
        let small = 4 << 10
        if bytes.readableBytes < small, let last = arrived.indices.last, arrived[last].readableBytes < small {
            arrived[last].writeImmutableBuffer(bytes)
        } else {
            arrived.append(bytes)
        }
    }

    func receivedEnd() {
        guard case .open = input else { return }
        input = .ended
        removeIfDone()
        reader.take()?(.success(nil))
    }

    /// The bytes that came first, without waiting; nil if there are none now.
    func take() -> ByteBuffer? {
        guard let bytes = arrived.popFirst() else { return nil }
        changeArrived(by: -bytes.readableBytes)
        carrier?.consumed(bytes.readableBytes, of: id)
        return bytes
    }

    /// Calls back once, with the next bytes, or nil at the end. One reader at a time.
    func read(_ completion: @escaping (Result<ByteBuffer?, any Error>) -> Void) {
        if let bytes = take() { return completion(.success(bytes)) }
        switch input {
        case .ended: completion(.success(nil))
        case .failed(let error): completion(.failure(error))
        case .open:
            reader.take()?(.failure(StreamingError.readTwice))
            reader = completion
        }
    }

    /// The reader that waits gets a `CancellationError`.
    func cancelRead() {
        reader.take()?(.failure(CancellationError()))
    }

    /// Drops what has arrived and what will.
    func discardInput() {
        isDiscarding = true
        while take() != nil {}
    }

    private func changeArrived(by count: Int) {
        arrivedBytes += count
        multiplexer.changeBuffered(by: count)
        let limit = multiplexer.limits.buffered
        let nowFull = arrivedBytes > (isFull ? limit / 2 : limit)
        if nowFull != isFull {
            isFull = nowFull
            multiplexer.changeFullStreams(by: nowFull ? 1 : -1)
        } else {
            multiplexer.updateReading()
        }
    }
}

/// To the client.
extension StreamEndpoint {
    var wantsToSend: Bool { !unsent.isEmpty }

    /// Calls back once all bytes are handed to the connection.
    func write(_ bytes: ByteBuffer, _ sent: @escaping (Result<Void, any Error>) -> Void) {
        if case .failed(let error) = input { return sent(.failure(error)) }
        guard !isFinished else { return sent(.failure(StreamingError.writeAfterEnd)) }
        guard bytes.readableBytes > 0 else { return sent(.success(())) }
        unsent.append(Unsent(bytes: bytes, sent: sent))
        if unsent.count == 1 { multiplexer.wantsTurn(self) }
    }

    /// Sends the next bytes of those that wait.
    func sendOne(atMost limit: Int, by carrier: any StreamCarrier) {
        guard !unsent.isEmpty else { return }
        let first = unsent.startIndex
        let count = min(limit, unsent[first].bytes.readableBytes)
        guard let piece = unsent[first].bytes.readSlice(length: count) else { return }
        carrier.send(piece, on: id)
        guard unsent[first].bytes.readableBytes == 0 else { return }
        unsent.removeFirst().sent(.success(()))
        if unsent.isEmpty, isFinished { sendEnd() }
    }

    /// Sends no more once all that waits is sent; then, or when the stream fails, calls back.
    func finish(_ completion: @escaping () -> Void = {}) {
        guard !isFinished else { return completion() }
        isFinished = true
        whenFinished = completion
        guard unsent.isEmpty else { return }
        sendEnd()
        carrier?.flush()
    }

    private func sendEnd() {
        carrier?.finish(id)
        removeIfDone()
        whenFinished.take()?()
    }

    /// With both sides finished there is no more news to get from the connection.
    private func removeIfDone() {
        if case .ended = input, isFinished, unsent.isEmpty { multiplexer.remove(self) }
    }

    /// Gives the stream up in both directions.
    func reset() {
        carrier?.reset(id)
        carrier?.flush()
        multiplexer.remove(self)
        fail(StreamingError.streamReset)
    }

    /// Whoever waits learns of the error; nothing goes either way any more.
    func fail(_ error: any Error) {
        input = .failed(error)
        isFinished = true
        isDiscarding = true
        changeArrived(by: -arrivedBytes)
        arrived = []
        let waiting = unsent
        unsent = []
        reader.take()?(.failure(error))
        for write in waiting { write.sent(.failure(error)) }
        whenFinished.take()?()
    }
}
