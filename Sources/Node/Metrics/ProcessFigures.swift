import Glibc
import Linux

/// What the processes of a container hold.
struct ProcessFigures: Equatable, Sendable {
    var processes: UInt64 = 0
    var threads: UInt64 = 0
    var descriptors: UInt64 = 0
    var sockets: UInt64 = 0
    /// The first process's soft limit of open files; nil where there is none.
    var openFilesLimit: UInt64?

    init() {}

    /// Looks at processes in /proc; those that have gone count nothing. Blocks.
    init(of ids: [Int32]) {
        for id in ids {
            guard let status = try? Files.readText("/proc/\(id)/status") else { continue }
            processes += 1
            threads += Self.threads(status: status) ?? 1
            for name in (try? Files.list("/proc/\(id)/fd")) ?? [] {
                descriptors += 1
                if Self.isSocket("/proc/\(id)/fd/\(name)") { sockets += 1 }
            }
        }
        if let first = ids.first, let limits = try? Files.readText("/proc/\(first)/limits") {
            openFilesLimit = Self.openFilesLimit(limits: limits)
        }
    }

    /// Of /proc/PID/status, proc_pid_status(5).
    static func threads(status: String) -> UInt64? {
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Threads:") }) else { return nil }
        return UInt64(line.dropFirst("Threads:".count).filter { !$0.isWhitespace })
    }

    /// Of /proc/PID/limits, proc_pid_limits(5): the soft limit stands first.
    static func openFilesLimit(limits: String) -> UInt64? {
        let name = "Max open files"
        guard let line = limits.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        return line.dropFirst(name.count).split(separator: " ").first.flatMap { UInt64($0) }
    }

    /// By what the descriptor's link says, proc_pid_fd(5); the file itself is not touched.
    private static func isSocket(_ path: String) -> Bool {
        let start = Array("socket:".utf8)
        var buffer = [UInt8](repeating: 0, count: start.count)
        let length = buffer.withUnsafeMutableBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { readlink(path, $0, start.count) } ?? -1
        }
        return length == start.count && buffer == start
    }
}
