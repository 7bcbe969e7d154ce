import CLinux
import Glibc
import Linux

/// Looks block devices up on the host. Blocks.
public enum BlockDevices {
    /// The whole devices, not partitions, that a path with the wildcards of glob(7) names; links are followed.
    public static func find(_ pattern: String) -> [(major: Int64, minor: Int64)] {
        var matches = glob_t()
        defer { globfree(&matches) }
        guard glob(pattern, 0, nil, &matches) == 0 else { return [] }
        return (0..<Int(matches.gl_pathc)).compactMap { index in
            var status = stat()
            guard let path = matches.gl_pathv[index], stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFBLK else { return nil }
            let (major, minor) = (clinux_major(UInt64(status.st_rdev)), clinux_minor(UInt64(status.st_rdev)))
            guard !Files.exists("/sys/dev/block/\(major):\(minor)/partition") else { return nil }
            return (Int64(major), Int64(minor))
        }
    }
}
