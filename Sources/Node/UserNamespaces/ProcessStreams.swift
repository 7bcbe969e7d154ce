import Glibc
import Linux

/// The standard streams of a container's process.
enum ProcessStreams {
    /// Gives those that are pipes to the process's user, so that /dev/stdout can be opened: the runtime does so itself, but from
    /// inside of a user namespace it may not. Blocks.
    /// - Parameters:
    ///   - pid: as the host numbers it.
    ///   - user, group: as they are inside of the namespace, which maps them.
    /// - Throws: `SystemError`.
    static func give(of pid: Int32, toUser user: Int64, group: Int64, in namespace: PodUserNamespace) throws(SystemError) {
        // Ids that the namespace does not map are nobody's on the host.
        guard let uid = UInt32(exactly: Int64(namespace.uids.hostID) &+ user), let gid = UInt32(exactly: Int64(namespace.gids.hostID) &+ group)
        else { return }
        for path in (0...2).map({ "/proc/\(pid)/fd/\($0)" }) {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { continue }
            try check("chown", path) { chown(path, uid, gid) }
        }
    }
}
