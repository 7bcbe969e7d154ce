import CLinux
import Glibc

// Mounts that show the owners of files as a user namespace maps them: mount_setattr(2), MOUNT_ATTR_IDMAP.
extension Mounts {
    /// Binds `source` at `target`, both existing: what is an id's on the disk is inside the namespace the id's of that number,
    /// and what is written inside comes to the disk in the same way.
    ///
    /// Mounts that the host makes at the source later pass to it; nothing passes back.
    /// - Parameters:
    ///   - userNamespace: the namespace's file, open.
    ///   - recursive: with the mounts below the source; the file systems of all must be able to shift ids.
    /// - Throws: `SystemError`, with EINVAL where a file system cannot shift ids.
    public static func bindShifted(
        _ source: String, at target: String, userNamespace: OwnedDescriptor, recursive: Bool = false
    ) throws(SystemError) {
        let tree = try shiftedTree(source, userNamespace, recursive)
        let fromEmptyPath: UInt32 = 4
        try check("move_mount", target) { clinux_move_mount(tree.raw, "", AT_FDCWD, target, fromEmptyPath) }
    }

    /// Whether the file system at a path, mounts below it aside, can shift ids.
    public static func canShift(_ path: String, userNamespace: OwnedDescriptor) -> Bool {
        (try? shiftedTree(path, userNamespace, false)) != nil
    }

    /// A clone of a mount, nowhere attached yet: only such a one can be given a mapping.
    private static func shiftedTree(
        _ source: String, _ userNamespace: OwnedDescriptor, _ recursive: Bool
    ) throws(SystemError) -> OwnedDescriptor {
        let (clone, closeOnExec, all): (UInt32, UInt32, UInt32) = (1, UInt32(O_CLOEXEC), recursive ? 0x8000 : 0)
        let tree = OwnedDescriptor(try check("open_tree", source) { clinux_open_tree(AT_FDCWD, source, clone | closeOnExec | all) })
        let (emptyPath, idMapping): (UInt32, UInt64) = (0x1000, 0x0010_0000)
        try check("mount_setattr (shifting ids)", source) {
            clinux_mount_setattr(tree.raw, "", emptyPath | all, idMapping, 0, UInt64(MS_SLAVE), UInt64(userNamespace.raw))
        }
        return tree
    }
}
