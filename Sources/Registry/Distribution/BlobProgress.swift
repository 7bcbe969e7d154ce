/// How far the download of one blob is, and whether it is worth going on after a break.
struct BlobProgress: Sendable, Equatable {
    enum Taken: Equatable {
        /// Bytes of the piece: first those to drop, then those to keep.
        case keep(dropping: Int, count: Int)
        /// The blob has more bytes than declared.
        case tooLong
    }

    /// So many new bytes make a connection count as one that worked.
    static let worthwhile: Int64 = 1 << 20

    let size: Int64
    /// Where the next byte to deliver is, from the blob's beginning.
    private(set) var position: Int64
    /// Breaks since the last connection that worked.
    private(set) var failures = 0
    private var surplus: Int64 = 0
    private var openedAt: Int64

    init(size: Int64, from offset: Int64) {
        (self.size, position, openedAt) = (size, offset, offset)
    }

    var isComplete: Bool { position == size }

    /// A connection delivers from here on, `surplus` bytes too early.
    mutating func opened(surplus: Int64) {
        (self.surplus, openedAt) = (surplus, position)
    }

    mutating func take(_ count: Int) -> Taken {
        let dropped = min(surplus, Int64(count))
        surplus -= dropped
        let kept = Int64(count) - dropped
        guard kept <= size - position else { return .tooLong }
        position += kept
        return .keep(dropping: Int(dropped), count: Int(kept))
    }

    /// The connection broke. The failures in a row are what the pause before the next one depends on.
    mutating func broken() {
        failures = position - openedAt >= Self.worthwhile ? 1 : failures + 1
    }
}
