/// What a name says of the layers below, OCI image specification 1.1, layer.md "Whiteouts".
enum Whiteout: Equatable {
    /// The entry of this name in lower layers is gone.
    case hides([UInt8])
    /// The directory shows nothing that lower layers have in it.
    case opaque
    /// AUFS' own bookkeeping.
    case meaningless
    /// A whiteout of nothing, `.` or `..`.
    case malformed

    private static let prefix = Array(".wh.".utf8)

    /// Nil for the name of something real.
    init?(_ name: [UInt8]) {
        guard name.starts(with: Self.prefix) else { return nil }
        let hidden = Array(name.dropFirst(Self.prefix.count))
        if hidden == Array(".wh..opq".utf8) {
            self = .opaque
        } else if hidden.starts(with: Self.prefix) {
            self = .meaningless
        } else {
            self = hidden.isEmpty || hidden == [dot] || hidden == [dot, dot] ? .malformed : .hides(hidden)
        }
    }
}

private let dot = UInt8(ascii: ".")
