import CLinux
import Glibc
import Linux

/// Gives the files of a volume the label of a container: `selinux_relabel` of a mount. Blocks.
public struct Relabeling: Sendable {
    public let label: String
    /// Whether a volume whose top already has the label is left alone (`try-skip-volume-selinux-label.crio.io`).
    public var trustsTop = false

    public init(label: String, trustsTop: Bool = false) {
        self.label = label
        self.trustsTop = trustsTop
    }

    static let attribute = "security.selinux"

    /// Directories of the system: relabelled, the host itself would no more be allowed to use them.
    private static let system: Set<String> = [
        "/", "/bin", "/boot", "/dev", "/etc", "/etc/passwd", "/etc/pki", "/etc/shadow", "/home", "/lib", "/lib64", "/media", "/mnt",
        "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/sbin",
        "/var", "/var/lib", "/var/log", "/var/run", "/var/tmp",
    ]

    /// - Throws: `SpecError.invalid` for a directory that the host lives by.
    static func check(_ path: String) throws(SpecError) {
        guard system.contains(MountsBuilder.clean(path)) else { return }
        throw .invalid("\(path) is a directory of the system, and relabelling it for a container (selinux_relabel) would lock the host out")
    }

    /// Labels `path`, its links followed before, and all below it; the top last, so that it vouches for the rest.
    /// A file system without labels is left as it is.
    /// - Throws: `SpecError.invalid`, `SystemError`.
    public func run(_ path: String) throws {
        try Self.check(path)
        if trustsTop, current(Array(path.utf8)) == label { return }
        do {
            try below(path)
            try set(Array(path.utf8))
        } catch let error as SystemError where error.code == ENOTSUP {}
    }

    /// Whoever writes to the volume meanwhile cannot lead the walk out of it by a link.
    private func below(_ directory: String) throws {
        guard Files.isDirectory(directory) else { return }
        let open: OwnedDescriptor
        do { open = try OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) } catch {
            if error.code == ENOENT || error.code == ENOTDIR || error.code == ELOOP { return }
            throw error
        }
        func label(_ entry: TreeWalk.Entry) throws {
            // There is no call with a directory's descriptor; through /proc the descriptor stands for its path.
            try set(Array("/proc/self/fd/\(entry.directory)/".utf8) + entry.name)
        }
        try TreeWalk.run(open) { entry in
            if !entry.isDirectory { try label(entry) }
            return true
        } leave: { entry in
            try label(entry)
        }
    }

    /// The label of a file itself, not of what a link leads to.
    private func current(_ path: [UInt8]) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let size = buffer.count
        let count = path.withCString { lgetxattr($0, Self.attribute, &buffer, size) }
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].prefix { $0 != 0 }, as: UTF8.self)
    }

    private func set(_ path: [UInt8]) throws(SystemError) {
        if current(path) == label { return }
        let bytes = Array(label.utf8) + [0]
        // What is removed meanwhile needs no label.
        if path.withCString({ lsetxattr($0, Self.attribute, bytes, bytes.count, 0) }) != 0, errno != ENOENT {
            throw SystemError("lsetxattr", String(decoding: path, as: UTF8.self))
        }
    }
}
