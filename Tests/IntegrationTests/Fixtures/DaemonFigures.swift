import Linux
import Testing

/// What the daemon holds at one moment. proc(5).
struct DaemonFigures {
    /// Open descriptors.
    let descriptors: Int
    /// Processes that it has started and not waited for.
    let children: Int
    /// Bytes of memory.
    let resident: Int
    /// The most bytes of memory since `forgetPeak`.
    let peak: Int

    init(of pid: Int32) throws {
        descriptors = try Files.list("/proc/\(pid)/fd").count
        children = try Files.list("/proc/\(pid)/task").reduce(0) { count, task in
            count + ((try? Files.readText("/proc/\(pid)/task/\(task)/children"))?.split(separator: " ").count ?? 0)
        }
        let status = try Files.readText("/proc/\(pid)/status")
        resident = try Self.kibibytes("VmRSS", status) << 10
        peak = try Self.kibibytes("VmHWM", status) << 10
    }

    /// Makes what is resident now the peak.
    static func forgetPeak(of pid: Int32) throws { try Files.write("5", to: "/proc/\(pid)/clear_refs") }

    private static func kibibytes(_ key: String, _ status: String) throws -> Int {
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("\(key):") })
        return try #require(line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) })
    }
}

extension Daemon {
    /// Expects that the daemon holds no more descriptors and children after `body` than before it.
    nonisolated func keepingFigures(_ body: () async throws -> Void) async throws {
        let pid = try await pid
        let before = try DaemonFigures(of: pid)
        try await body()
        try await eventually("descriptors and children are as before") {
            let now = try DaemonFigures(of: pid)
            return now.descriptors <= before.descriptors && now.children <= before.children
        }
    }
}
