import CLinux
import Glibc
import Linux

/// What a stack of layers shows, looked up in the layers' own directories. Blocks.
struct LowerLayers {
    private let roots: [OwnedDescriptor]

    /// - Parameter directories: the topmost first.
    init(_ directories: [String]) throws(SystemError) {
        var roots: [OwnedDescriptor] = []
        for directory in directories { roots.append(try OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY)) }
        self.roots = roots
    }

    /// The names in the directory `path`; none where no layer shows such a directory.
    func names(in path: LayerPath) throws(SystemError) -> Set<[UInt8]> {
        var (shown, hidden): (Set<[UInt8]>, Set<[UInt8]>) = ([], [])
        for root in roots {
            var hidesLower = false
            var current: OwnedDescriptor? = root
            for prefix in path.prefixes {
                var status = stat()
                guard prefix.withCString({ fstatat(root.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else {
                    current = nil
                    break
                }
                // A whiteout, a file or a link: what lies lower does not show.
                guard status.st_mode & S_IFMT == S_IFDIR else { return shown }
                let raw = prefix.withCString { openat(root.raw, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
                guard raw >= 0 else { throw SystemError("open", "\(prefix)") }
                let directory = OwnedDescriptor(raw)
                hidesLower = hidesLower || OverlayDirectory.isOpaque(directory)
                current = directory
            }
            if let current {
                for name in try DirectoryEntries.names(of: current) {
                    var status = stat()
                    guard name.withCString({ fstatat(current.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else { continue }
                    if status.isWhiteout { hidden.insert(name) } else if !hidden.contains(name) { shown.insert(name) }
                }
            }
            if hidesLower { break }
        }
        return shown
    }
}

/// Overlay's own notes on a directory, Linux, Documentation/filesystems/overlayfs.rst.
enum OverlayDirectory {
    /// Whether it hides what lower layers have in it.
    static func isOpaque(_ directory: OwnedDescriptor) -> Bool {
        var value: UInt8 = 0
        return fgetxattr(directory.raw, TarEntry.Attribute.opaque.name, &value, 1) == 1 && value == UInt8(ascii: "y")
    }

    /// Whether it was renamed, and so shows a directory of lower layers that has another name.
    static func isRedirected(_ directory: OwnedDescriptor) -> Bool {
        fgetxattr(directory.raw, "trusted.overlay.redirect", nil, 0) >= 0
    }
}
