import CLinux
import Glibc
import Linux

/// One container's overlay. Blocks.
struct OverlayMount: Sendable {
    /// Directories, the topmost first.
    let layers: [String]
    /// Gets `upper` and `work`.
    let changes: String
    let target: String
    let options: [String]
    /// A user namespace's file, whose mapping the layers are shown with.
    let userNamespace: String?

    /// - Throws: `SystemError`.
    func make() throws {
        let (upper, work) = ("\(changes)/upper", "\(changes)/work")
        for directory in [upper, work, target] { try Files.makeDirectories(directory, mode: 0o700) }
        guard let userNamespace else {
            return try mount(layers, upper, work)
        }
        let shifted = try ShiftedLayers(layers, userNamespace: userNamespace, directory: "\(changes)/lower")
        defer { shifted.detach() }
        try mount(shifted.paths, upper, work)
    }

    private func mount(_ lower: [String], _ upper: String, _ work: String) throws {
        if let top = lower.first { try copyLooks(of: top, to: upper) } else { chmod(upper, 0o755) }
        guard !lower.isEmpty else { return try Mounts.bind(upper, at: target) }
        do {
            // What a container writes does not outlive it, and so needs no waiting for the disk, neither at fsync nor when the
            // overlay is unmounted: Linux, overlayfs.rst, "Volatile mount".
            try Mounts.overlay(lower: lower, upper: upper, work: work, options: ["volatile"] + options, at: target)
        } catch  where error.call == "fsconfig volatile" {
            try Mounts.overlay(lower: lower, upper: upper, work: work, options: options, at: target)
        }
    }

    /// The root that shows is the upper directory: it is to look like the image's.
    private func copyLooks(of layer: String, to upper: String) throws(SystemError) {
        var status = stat()
        try check("stat", layer) { stat(layer, &status) }
        try check("chown", upper) { chown(upper, status.st_uid, status.st_gid) }
        try check("chmod", upper) { chmod(upper, status.st_mode & 0o7777) }
    }
}

/// Layers as a user namespace sees them: bound with its id mapping, mount_setattr(2) MOUNT_ATTR_IDMAP. An overlay keeps them
/// after they are detached from the tree.
private struct ShiftedLayers {
    let paths: [String]

    /// - Throws: `SystemError`, with EINVAL where the layers' file system cannot shift ids.
    init(_ layers: [String], userNamespace: String, directory: String) throws {
        let namespace = try OwnedDescriptor.open(userNamespace, O_RDONLY)
        var made: [String] = []
        do {
            for (index, layer) in layers.enumerated() {
                let target = "\(directory)/\(index)"
                try Files.makeDirectories(target, mode: 0o700)
                try Self.bind(layer, at: target, namespace)
                made.append(target)
            }
        } catch {
            Self.detach(made)
            throw error
        }
        paths = made
    }

    func detach() { Self.detach(paths) }

    private static func detach(_ paths: [String]) {
        for path in paths { try? Mounts.unmount(path) }
    }

    private static func bind(_ layer: String, at target: String, _ namespace: OwnedDescriptor) throws(SystemError) {
        let (clone, closeOnExec): (UInt32, UInt32) = (1, UInt32(O_CLOEXEC))
        let tree = OwnedDescriptor(try check("open_tree", layer) { clinux_open_tree(AT_FDCWD, layer, clone | closeOnExec) })
        let (emptyPath, idMapping): (UInt32, UInt64) = (0x1000, 0x0010_0000)
        try check("mount_setattr (shifting ids)", layer) {
            clinux_mount_setattr(tree.raw, "", emptyPath, idMapping, 0, 0, UInt64(namespace.raw))
        }
        let fromEmptyPath: UInt32 = 4
        try check("move_mount", target) { clinux_move_mount(tree.raw, "", AT_FDCWD, target, fromEmptyPath) }
    }
}
