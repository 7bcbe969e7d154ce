/// A line of /proc/PID/mountinfo, proc_pid_mountinfo(5).
public struct MountEntry: Sendable, Equatable {
    public let id: Int
    public let parentID: Int
    /// The directory of the file system that is the root of this mount.
    public let root: String
    public let mountPoint: String
    public let options: [String]
    /// `shared:N`, `master:N` and so on.
    public let optionalFields: [String]
    public let type: String
    public let source: String
    public let superOptions: [String]

    /// Whether mounts below it pass to its peers.
    public var isShared: Bool { optionalFields.contains { $0.hasPrefix("shared:") } }
    /// Whether mounts below its master pass to it.
    public var isSlave: Bool { optionalFields.contains { $0.hasPrefix("master:") } }

    /// Reads one line; nil where it is not of the form.
    public init?(line: some StringProtocol) {
        let fields = String(line).split(separator: " ").map(String.init)
        guard fields.count >= 9, let dash = fields[6...].firstIndex(of: "-"), fields.count > dash + 2,
            let id = Int(fields[0]), let parent = Int(fields[1])
        else { return nil }
        self.id = id
        parentID = parent
        root = MountEntry.unescape(fields[3])
        mountPoint = MountEntry.unescape(fields[4])
        options = fields[5].split(separator: ",").map(String.init)
        optionalFields = Array(fields[6..<dash])
        type = fields[dash + 1]
        source = MountEntry.unescape(fields[dash + 2])
        superOptions = fields.count > dash + 3 ? fields[dash + 3].split(separator: ",").map(String.init) : []
    }

    /// Undoes the kernel's octal escapes of space, tab, newline and backslash.
    static func unescape(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\"), index + 3 < bytes.count,
                let value = UInt8(String(decoding: bytes[(index + 1)...(index + 3)], as: UTF8.self), radix: 8)
            {
                out.append(value)
                index += 4
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// The mounts that a process sees.
public enum MountTable {
    /// Reads the table, in the kernel's order. Lines that are not understood are left out.
    /// - Throws: `SystemError`.
    public static func read(_ path: String = "/proc/self/mountinfo") throws(SystemError) -> [MountEntry] {
        try Files.readText(path).split(separator: "\n").compactMap { MountEntry(line: $0) }
    }

    /// Where the file system is mounted that holds `path`, an absolute one without links: of the mount points above it the nearest.
    /// - Throws: `SystemError`.
    public static func mountPoint(of path: String) throws(SystemError) -> String { mountPoint(of: path, in: try read()) }

    static func mountPoint(of path: String, in table: [MountEntry]) -> String {
        let above = table.map(\.mountPoint).filter { $0 == "/" || path == $0 || path.hasPrefix($0 + "/") }
        return above.max { $0.utf8.count < $1.utf8.count } ?? "/"
    }
}
