import OCI

/// Where a directory that a layer implies has its looks from.
///
/// A layer's archive may hold `a/b` without an entry for `a`. Unpacked upon its parents, `a` would stay as it was; unpacked
/// alone, it is made anew, and in the overlay the new one's owner and permissions are those that show. Which layer's should
/// show is decided here, without I/O.
struct DirectoryOrigin: Equatable {
    /// What one layer has at a path.
    enum Look: Equatable {
        /// Nothing: lower layers show.
        case absent
        /// Something that ends the search: a whiteout, a file, a link, or a directory above that shows nothing below it.
        case blocked
        /// A directory; an opaque one hides those of lower layers.
        case directory(opaque: Bool)
    }

    /// The layer whose directory shows now.
    let shown: Digest
    /// The layer whose directory should.
    let origin: Digest

    /// - Parameters:
    ///   - layers: the topmost first, each with whether it describes the directory itself.
    ///   - look: what the layer has at the path.
    /// - Returns: nil where what shows is right.
    static func find(_ layers: [(digest: Digest, describes: Bool)], look: (Digest) throws -> Look) rethrows -> DirectoryOrigin? {
        var shown: Digest?
        for layer in layers {
            switch try look(layer.digest) {
            case .absent: continue
            case .blocked: return nil
            case .directory(let opaque):
                if layer.describes { return shown.map { DirectoryOrigin(shown: $0, origin: layer.digest) } }
                shown = shown ?? layer.digest
                if opaque { return nil }
            }
        }
        return nil
    }
}
