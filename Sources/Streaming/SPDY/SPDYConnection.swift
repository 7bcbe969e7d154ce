import NIOCore

/// The server's side of a SPDY/3.1 connection: which streams there are, what may be sent, what must be answered.
/// Knows no I/O: bytes go in by `receive`, events come out of `next`, bytes to send out of `takeOutput`.
///
/// **Flow control.** The peer that matters, moby/spdystream, announces no windows, sends no WINDOW_UPDATE and ignores
/// those that it gets; held to SPDY's default window it would stop after 64 KiB. So windows count from the moment that
/// the peer shows it keeps them, by SETTINGS_INITIAL_WINDOW_SIZE or a WINDOW_UPDATE: from then on, what is sent stays
/// within the peer's windows, and consumed bytes are given back by WINDOW_UPDATE. Before that, the bound is TCP's.
struct SPDYConnection: ~Copyable {
    enum Event: Equatable {
        /// A stream that waits for `accept` or `reset`.
        case opened(UInt32, StreamHeaders)
        case data(UInt32, ByteBuffer)
        /// The peer sends no more on this stream.
        case ended(UInt32)
        /// The peer gave the stream up, or broke the protocol on it: nothing goes either way any more.
        case reset(UInt32)
        /// More may be sent than before, perhaps on every stream.
        case windowsChanged
        /// The peer opens no more streams.
        case goneAway
    }

    private let limits: SPDYLimits
    private var decoder: SPDYFrameDecoder
    private var inflater = HeaderInflater()
    private var deflater = HeaderDeflater()
    private var streams: [UInt32: SPDYStreamState] = [:]
    private var windows = SPDYWindows()
    private var lastStream: UInt32 = 0
    private var output = ByteBuffer()
    /// An event that came of the same frame as the one before it.
    private var following: Event?
    private var failed = false

    init(limits: SPDYLimits = SPDYLimits()) {
        self.limits = limits
        decoder = SPDYFrameDecoder(controlFrameLimit: limits.controlFrame)
    }

    /// Streams that are open in at least one direction.
    var streamCount: Int { streams.count }

    mutating func receive(_ bytes: ByteBuffer) {
        if !failed { decoder.append(bytes) }
    }

    /// What the bytes received so far mean. Nil until more have come.
    /// - Throws: `SPDYError` when the connection has to end; a GOAWAY that says so is then in the output.
    mutating func next() throws(SPDYError) -> Event? {
        guard !failed else { throw .closed }
        if let event = following.take() { return event }
        do {
            while let frame = try decoder.next() {
                if let event = try handle(frame) { return event }
            }
            return nil
        } catch {
            failed = true
            SPDYFrameEncoder.writeGoAway(lastStream: lastStream, status: .protocolError, into: &output)
            throw error
        }
    }

    /// The bytes to send since the last call; nil for none.
    mutating func takeOutput() -> ByteBuffer? {
        guard output.readableBytes > 0 else { return nil }
        defer { output = ByteBuffer() }
        return output
    }
}

/// What this side does.
extension SPDYConnection {
    /// Answers an opened stream.
    mutating func accept(_ stream: UInt32) {
        guard streams[stream] != nil else { return }
        SPDYFrameEncoder.writeSynReply(stream: stream, block: deflater.deflate(StreamHeaders().block), into: &output)
    }

    /// Gives a stream up in both directions.
    mutating func reset(_ stream: UInt32, _ status: SPDYResetStatus) {
        guard streams.removeValue(forKey: stream) != nil else { return }
        SPDYFrameEncoder.writeReset(stream: stream, status: status, into: &output)
    }

    /// Bytes that may be sent on the stream now; 0 once it is finished.
    func window(of stream: UInt32) -> Int {
        guard let state = streams[stream], !state.localEnded else { return 0 }
        return windows.sendable(state)
    }

    /// The header that goes before `count` bytes of the stream, which the caller sends after it.
    /// Nil for a stream on which nothing may be sent any more.
    mutating func data(on stream: UInt32, count: Int) -> ByteBuffer? {
        guard let state = streams[stream], !state.localEnded else { return nil }
        streams[stream]?.sent += count
        windows.sent += count
        var header = ByteBuffer()
        SPDYFrameEncoder.writeDataHeader(stream: stream, count: count, isLast: false, into: &header)
        return header
    }

    /// Sends no more on the stream.
    mutating func finish(_ stream: UInt32) {
        guard let state = streams[stream], !state.localEnded else { return }
        SPDYFrameEncoder.writeDataHeader(stream: stream, count: 0, isLast: true, into: &output)
        end(stream) { $0.localEnded = true }
    }

    /// Gives `count` received bytes back to the peer's windows.
    mutating func consumed(_ count: Int, of stream: UInt32) {
        giveBack(count)
        streams[stream]?.consumed += count
        if let delta = streams[stream]?.takeUpdate(windows) {
            SPDYFrameEncoder.writeWindowUpdate(stream: stream, delta: delta, into: &output)
        }
    }

    /// To the window of the connection.
    private mutating func giveBack(_ count: Int) {
        windows.consumed += count
        if let delta = windows.takeSessionUpdate() {
            SPDYFrameEncoder.writeWindowUpdate(stream: 0, delta: delta, into: &output)
        }
    }

    /// Says that no more streams are taken.
    mutating func goAway() {
        SPDYFrameEncoder.writeGoAway(lastStream: lastStream, status: .ok, into: &output)
    }

    private mutating func end(_ stream: UInt32, _ change: (inout SPDYStreamState) -> Void) {
        guard var state = streams[stream] else { return }
        change(&state)
        streams[stream] = state.localEnded && state.remoteEnded ? nil : state
    }
}

/// What the peer does.
extension SPDYConnection {
    private mutating func handle(_ frame: SPDYFrame) throws(SPDYError) -> Event? {
        switch frame {
        case .data(let stream, let bytes, let isLast): return data(stream, bytes, isLast)
        case .synStream(let stream, let isLast, let isUnidirectional, let block):
            return try open(stream, isLast, isUnidirectional, block)
        case .synReply(_, _, let block):
            // This side opens no streams, but the block is part of the compression's state.
            _ = try headers(block)
            return nil
        case .headers(let stream, let isLast, let block):
            _ = try headers(block)
            return isLast ? remoteEnd(stream) : nil
        case .rstStream(let stream, _): return streams.removeValue(forKey: stream) == nil ? nil : .reset(stream)
        case .settings(let entries):
            guard let size = entries.last(where: { $0.id == SPDYSetting.initialWindowSize })?.value else { return nil }
            windows.initial = Int(min(size, .max / 2))
            windows.areKept = true
            return .windowsChanged
        case .ping(let id):
            // Even numbers would be this side's own, and it sends none.
            if id % 2 == 1 { SPDYFrameEncoder.writePing(id, into: &output) }
            return nil
        case .goAway: return .goneAway
        case .windowUpdate(let stream, let delta): return windowUpdate(stream, Int(delta))
        case .unknown: return nil
        }
    }

    private mutating func headers(_ block: ByteBuffer) throws(SPDYError) -> StreamHeaders {
        try StreamHeaders(block: inflater.inflate(block, limit: limits.headerBlock), limit: limits.headers)
    }

    private mutating func open(
        _ stream: UInt32, _ isLast: Bool, _ isUnidirectional: Bool, _ block: ByteBuffer
    ) throws(SPDYError) -> Event? {
        let headers = try headers(block)
        guard stream % 2 == 1, stream > lastStream else { throw .invalidStreamID(stream) }
        lastStream = stream
        guard streams.count < limits.streams else {
            SPDYFrameEncoder.writeReset(stream: stream, status: .refusedStream, into: &output)
            return nil
        }
        streams[stream] = SPDYStreamState(localEnded: isUnidirectional, remoteEnded: isLast)
        if isLast { following = .ended(stream) }
        return .opened(stream, headers)
    }

    private mutating func data(_ stream: UInt32, _ bytes: ByteBuffer, _ isLast: Bool) -> Event? {
        guard let state = streams[stream] else {
            giveBack(bytes.readableBytes)
            // What was still under way to a stream that has ended here is no fault.
            if stream > lastStream { SPDYFrameEncoder.writeReset(stream: stream, status: .invalidStream, into: &output) }
            return nil
        }
        guard !state.remoteEnded else {
            reset(stream, .protocolError)
            return .reset(stream)
        }
        guard bytes.readableBytes > 0 else { return isLast ? remoteEnd(stream) : nil }
        if isLast { following = remoteEnd(stream) }
        return .data(stream, bytes)
    }

    private mutating func remoteEnd(_ stream: UInt32) -> Event? {
        guard let state = streams[stream], !state.remoteEnded else { return nil }
        end(stream) { $0.remoteEnded = true }
        return .ended(stream)
    }

    private mutating func windowUpdate(_ stream: UInt32, _ delta: Int) -> Event? {
        windows.areKept = true
        if stream == 0 {
            windows.sessionIsKept = true
            windows.credit = min(windows.credit + delta, 1 << 62)
        } else {
            streams[stream]?.credit += delta
            if let state = streams[stream], delta == 0 || windows.overflows(state) {
                reset(stream, delta == 0 ? .protocolError : .flowControlError)
                return .reset(stream)
            }
        }
        return .windowsChanged
    }
}
