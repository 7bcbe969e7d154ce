/// One stream of a SPDY connection.
struct SPDYStreamState: Equatable {
    var localEnded: Bool
    var remoteEnded: Bool
    /// Bytes sent so far.
    var sent = 0
    /// Bytes that the peer added to its window so far.
    var credit = 0
    /// Bytes received and consumed that were not yet given back.
    var consumed = 0

    /// What to give back to the peer now, if it is enough for a frame.
    mutating func takeUpdate(_ windows: SPDYWindows) -> UInt32? {
        guard windows.areKept, consumed >= SPDYWindows.updateThreshold, !remoteEnded else { return nil }
        defer { consumed = 0 }
        return UInt32(clamping: consumed)
    }
}

/// The windows of a SPDY connection. Chromium's "SPDY Protocol - Draft 3.1", section 2.6.8.
struct SPDYWindows: Equatable {
    /// Half of the window that a peer starts with.
    static let updateThreshold = SPDYWire.defaultWindow / 2

    /// The peer has shown that it keeps windows.
    var areKept = false
    /// The peer has shown that it keeps one for the whole connection, which came with 3.1.
    var sessionIsKept = false
    /// What each stream may send at first.
    var initial = SPDYWire.defaultWindow
    /// Bytes sent on all streams.
    var sent = 0
    /// Bytes that the peer added to the connection's window.
    var credit = 0
    /// Bytes received and consumed on all streams that were not yet given back.
    var consumed = 0

    func sendable(_ stream: SPDYStreamState) -> Int {
        guard areKept else { return .max }
        let ofStream = initial + stream.credit - stream.sent
        guard sessionIsKept else { return max(0, ofStream) }
        return max(0, min(ofStream, SPDYWire.defaultWindow + credit - sent))
    }

    func overflows(_ stream: SPDYStreamState) -> Bool { initial + stream.credit - stream.sent > Int(Int32.max) }

    /// What to give back to the peer for the connection now, if it is enough for a frame.
    mutating func takeSessionUpdate() -> UInt32? {
        guard areKept, consumed >= Self.updateThreshold else { return nil }
        defer { consumed = 0 }
        return UInt32(clamping: consumed)
    }
}
