/// Decides when a blob comes too slowly to be waited for: fewer than ``bytes`` of it in a ``window``.
///
/// Only the time in which somebody waits for bytes counts, so a reader that is slow to unpack never makes its peer look slow.
struct ProgressFloor: Sendable {
    /// So many bytes a window are little even for the worst of lines.
    static let bytes = 64 << 10
    /// A second connection may be better, by another way or to another server; a third is not tried.
    static let mostSlowConnections = 2

    let window: Duration
    private var waited = Duration.zero
    private var received = 0
    private(set) var slowConnections = 0

    init(window: Duration) { self.window = window }

    /// A new connection has a window of its own.
    mutating func opened() { (waited, received) = (.zero, 0) }

    /// - Returns: whether the connection is to be given up.
    mutating func take(_ count: Int, after wait: Duration) -> Bool {
        waited += wait
        received += count
        guard waited >= window else { return false }
        let isSlow = received < Self.bytes
        opened()
        if isSlow { slowConnections += 1 }
        return isSlow
    }
}
