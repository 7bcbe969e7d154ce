import Glibc
import Linux

/// The time zone of all containers (`timezone`).
public enum TimeZoneFile {
    /// The file on the host that containers get as /etc/localtime; nil for an empty name. Blocks.
    /// - Parameters:
    ///   - name: of the IANA's database, or `Local` for the host's own.
    ///   - database: the directory of the zones' files.
    /// - Throws: `SpecError.unsupported` where the host does not have it.
    public static func find(_ name: String, database: String = "/usr/share/zoneinfo", local: String = "/etc/localtime") throws(SpecError)
        -> String?
    {
        if name.isEmpty { return nil }
        let isLocal = name.lowercased() == "local"
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard isLocal || !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
            throw .unsupported("timezone is '\(name)', which is no name of a time zone such as Europe/Berlin")
        }
        let path = isLocal ? local : "\(database)/\(name)"
        guard let resolved = realpath(path, nil) else {
            throw .unsupported("timezone is '\(name)' and this host has no \(path): install tzdata or name another zone")
        }
        defer { free(resolved) }
        let file = String(cString: resolved)
        // tzfile(5): each begins so.
        guard !Files.isDirectory(file), let bytes = try? Files.readBytes(file), bytes.starts(with: Array("TZif".utf8)) else {
            throw .unsupported("timezone is '\(name)' and \(file) is no file of a time zone")
        }
        return file
    }
}
