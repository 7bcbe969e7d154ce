import Glibc
import Linux

/// What a tree takes on disk. Blocks. Names may be any bytes, and entries may go while it looks.
struct TreeUsage: Equatable {
    private(set) var bytes: UInt64 = 0
    private(set) var inodes: UInt64 = 0
    /// Several names may stand for one file.
    private var linked: Set<UInt64> = []

    /// - Throws: `SystemError` if there is no such directory.
    static func measure(_ path: String) throws(SystemError) -> TreeUsage {
        var usage = TreeUsage()
        let root = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        try usage.add(root)
        return usage
    }

    private mutating func add(_ directory: OwnedDescriptor) throws(SystemError) {
        var status = stat()
        if fstat(directory.raw, &status) == 0 { count(status) }
        for name in try DirectoryEntries.names(of: directory) {
            guard name.withCString({ fstatat(directory.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else { continue }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                count(status)
                continue
            }
            let raw = name.withCString { openat(directory.raw, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
            if raw >= 0 { try add(OwnedDescriptor(raw)) }
        }
    }

    private mutating func count(_ status: stat) {
        if status.st_nlink > 1, status.st_mode & S_IFMT != S_IFDIR, !linked.insert(UInt64(status.st_ino)).inserted { return }
        bytes += UInt64(status.st_blocks) * 512
        inodes += 1
    }
}
