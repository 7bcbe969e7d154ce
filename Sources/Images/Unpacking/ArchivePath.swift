/// An archive entry's name as a path below the layer's root.
struct ArchivePath: Equatable {
    let components: [String]

    /// Leading slashes, empty parts and `.` mean nothing.
    /// - Returns: nil for a name with `..` or a NUL: no builder writes those but to get out.
    init?(_ text: String) {
        let parts = text.split(separator: "/").map(String.init).filter { $0 != "." }
        guard !parts.contains(".."), !text.utf8.contains(0) else { return nil }
        components = parts
    }

    var isRoot: Bool { components.isEmpty }
    var name: String { components.last ?? "" }
    var parent: ArraySlice<String> { components.dropLast() }
    var text: String { components.joined(separator: "/") }

    /// What a name means in a layer, OCI image specification 1.1, layer.md "Whiteouts".
    enum Marker: Equatable {
        case none
        /// The directory hides what lower layers have in it.
        case opaque
        /// The entry of this name in lower layers is gone.
        case whiteout(String)
        /// AUFS' own bookkeeping, which means nothing to us.
        case bookkeeping
    }

    var marker: Marker {
        guard name.hasPrefix(".wh.") else { return .none }
        if name == ".wh..wh..opq" { return .opaque }
        if name.hasPrefix(".wh..wh.") { return .bookkeeping }
        let hidden = String(name.dropFirst(4))
        return hidden.isEmpty || hidden == "." || hidden == ".." ? .bookkeeping : .whiteout(hidden)
    }
}
