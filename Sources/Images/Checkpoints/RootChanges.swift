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
        try finder.walk(.root, try OwnedDescriptor.open(upper, O_RDONLY | O_DIRECTORY))
        return finder.changes
    }

    private struct Finder {
        let lower: LowerLayers
        let merged: OwnedDescriptor
        let mounts: Set<LayerPath>
        var changes = RootChanges()

        /// - Parameter directory: `path` in the upper directory.
        mutating func walk(_ path: LayerPath, _ directory: OwnedDescriptor) throws {
            for name in try Self.sortedNames(directory) {
                let place = path.appending(name)
                guard let status = Self.status(name, in: directory) else { continue }
                if status.isWhiteout {
                    if !mounts.contains(place) { changes.deleted.append(place) }
                    continue
                }
                if !mounts.contains(place) { changes.changed.append(place) }
                if status.st_mode & S_IFMT == S_IFDIR { try walkDirectory(place, try Self.open(name, in: directory)) }
            }
        }

        private mutating func walkDirectory(_ path: LayerPath, _ directory: OwnedDescriptor) throws {
            let isRedirected = OverlayDirectory.isRedirected(directory)
            if isRedirected || OverlayDirectory.isOpaque(directory) {
                // Nothing says what of the image is hidden so: it is what does not show.
                let shown = Set(try DirectoryEntries.names(of: try open(path)))
                let hidden = try lower.names(in: path).subtracting(shown)
                changes.deleted += hidden.sorted { $0.lexicographicallyPrecedes($1) }.map { path.appending($0) }
            }
            if isRedirected { try takeAll(path, try open(path)) } else { try walk(path, directory) }
        }

        /// All that shows below `path`, for a directory whose content is not in the upper directory.
        private mutating func takeAll(_ path: LayerPath, _ directory: OwnedDescriptor) throws {
            for name in try Self.sortedNames(directory) {
                let place = path.appending(name)
                guard let status = Self.status(name, in: directory) else { continue }
                changes.changed.append(place)
                if status.st_mode & S_IFMT == S_IFDIR { try takeAll(place, try Self.open(name, in: directory)) }
            }
        }

        private func open(_ path: LayerPath) throws -> OwnedDescriptor {
            OwnedDescriptor(
                try check("open", "\(path)") {
                    path.withCString { openat(merged.raw, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
                })
        }

        private static func open(_ name: [UInt8], in directory: OwnedDescriptor) throws -> OwnedDescriptor {
            OwnedDescriptor(
                try check("open", String(decoding: name, as: UTF8.self)) {
                    name.withCString { openat(directory.raw, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
                })
        }

        private static func status(_ name: [UInt8], in directory: OwnedDescriptor) -> stat? {
            var status = stat()
            return name.withCString { fstatat(directory.raw, $0, &status, AT_SYMLINK_NOFOLLOW) } == 0 ? status : nil
        }

        private static func sortedNames(_ directory: OwnedDescriptor) throws -> [[UInt8]] {
            try DirectoryEntries.names(of: directory).sorted { $0.lexicographicallyPrecedes($1) }
        }
    }
}
