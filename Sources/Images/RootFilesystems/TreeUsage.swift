import Glibc
import Linux

/// What a tree takes on disk. Blocks. Entries may go while it looks.
struct TreeUsage: Equatable {
    private(set) var bytes: UInt64 = 0
    private(set) var inodes: UInt64 = 0
    /// Whether there was more than could be looked at.
    private(set) var isPartial = false
    /// Several names may stand for one file.
    private var linked: Set<UInt64> = []

    /// The most files with several names that are remembered; from there on each name counts as a file of its own.
    private static let mostLinked = 200_000

    /// - Parameter limit: the most entries that are looked at; what is beyond them is not counted.
    /// - Throws: `SystemError` if there is no such directory.
    static func measure(_ path: String, limit: Int = .max) throws -> TreeUsage {
        var usage = TreeUsage()
        let root = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        var status = stat()
        try check("fstat", path) { fstat(root.raw, &status) }
        usage.count(status)
        var seen = 0
        do {
            try TreeWalk.run(root) { entry in
                guard seen < limit else { throw LimitReached() }
                seen += 1
                usage.count(entry.status)
                return true
            }
        } catch is LimitReached { usage.isPartial = true }
        return usage
    }

    private struct LimitReached: Error {}

    private mutating func count(_ status: stat) {
        if status.st_nlink > 1, status.st_mode & S_IFMT != S_IFDIR, linked.count < Self.mostLinked,
            !linked.insert(UInt64(status.st_ino)).inserted
        {
            return
        }
        bytes += UInt64(status.st_blocks) * 512
        inodes += 1
    }
}
