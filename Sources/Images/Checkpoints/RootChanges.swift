import Glibc
import Linux

/// How a container's root file system differs from its image. Found in the upper directory of its overlay, while nobody
/// writes there. Blocks.
struct RootChanges: Equatable {
    /// What is new or changed, a directory before what is in it.
    private(set) var changed: [LayerPath] = []
    /// What the image has and the container has not.
    private(set) var deleted: [LayerPath] = []

    /// - Parameters:
    ///   - upper: the overlay's upper directory.
    ///   - lower: its lower ones, the topmost first.
    ///   - merged: where it is mounted.
    ///   - mounts: where the container has mounts: what is there is not the root file system's.
    static func find(upper: String, lower: [String], merged: String, except mounts: Set<LayerPath>) throws -> RootChanges {
        var finder = Finder(
            lower: try LowerLayers(lower), merged: try OwnedDescriptor.open(merged, O_RDONLY | O_DIRECTORY), mounts: mounts)
        try finder.walk(try OwnedDescriptor.open(upper, O_RDONLY | O_DIRECTORY))
        return finder.changes
    }

    private struct Finder {
        let lower: LowerLayers
        let merged: OwnedDescriptor
        let mounts: Set<LayerPath>
        var changes = RootChanges()

        /// Where the walk is; the top directory is the root.
        private var above: [LayerPath] = [.root]

        init(lower: LowerLayers, merged: OwnedDescriptor, mounts: Set<LayerPath>) {
            (self.lower, self.merged, self.mounts) = (lower, merged, mounts)
        }

        /// - Parameter directory: the upper directory.
        mutating func walk(_ directory: OwnedDescriptor) throws {
            try TreeWalk.run(directory) { entry in
                let place = try self.place(of: entry)
                if entry.status.isWhiteout {
                    if !mounts.contains(place) { changes.deleted.append(place) }
                    return false
                }
                if !mounts.contains(place) { changes.changed.append(place) }
                return try entry.isDirectory && goesInto(place, entry)
            } leave: { _ in
                above.removeLast()
            }
            changes.changed.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
            changes.deleted.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        }

        /// Whether the walk is to go into a directory of the upper one; what it hides of the image is noted.
        private mutating func goesInto(_ path: LayerPath, _ entry: TreeWalk.Entry) throws -> Bool {
            let directory = try Self.open(entry)
            let isRedirected = OverlayDirectory.isRedirected(directory)
            if isRedirected || OverlayDirectory.isOpaque(directory) {
                // Nothing says what of the image is hidden so: it is what does not show.
                let shown = Set(try DirectoryEntries.names(of: try open(path)))
                let hidden = try lower.names(in: path).subtracting(shown)
                changes.deleted += hidden.map { path.appending($0) }
            }
            guard isRedirected else {
                above.append(path)
                return true
            }
            try takeAll(path)
            return false
        }

        /// All that shows below `path`, for a directory whose content is not in the upper directory.
        private mutating func takeAll(_ path: LayerPath) throws {
            let outside = above
            above = [path]
            defer { above = outside }
            try TreeWalk.run(try open(path)) { entry in
                let place = try self.place(of: entry)
                changes.changed.append(place)
                if entry.isDirectory { above.append(place) }
                return true
            } leave: { _ in
                above.removeLast()
            }
        }

        /// An archive has a path for each entry, and so can hold no deeper ones than the kernel takes.
        private func place(of entry: TreeWalk.Entry) throws -> LayerPath {
            let place = (above.last ?? .root).appending(entry.name)
            guard place.bytes.count < Int(PATH_MAX) else {
                throw SystemError("archive", code: ENAMETOOLONG, "a path of \(place.bytes.count) bytes in the container's root file system")
            }
            return place
        }

        private static func open(_ entry: TreeWalk.Entry) throws -> OwnedDescriptor {
            OwnedDescriptor(
                try check("open", entry.text) {
                    entry.withName { openat(entry.directory, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
                })
        }

        private func open(_ path: LayerPath) throws -> OwnedDescriptor {
            OwnedDescriptor(
                try check("open", "\(path)") {
                    path.withCString { openat(merged.raw, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
                })
        }
    }
}
