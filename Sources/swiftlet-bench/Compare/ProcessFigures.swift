import Glibc

/// What proc(5) says of a process at one moment.
struct ProcessFigures: Sendable {
    /// CPU time of the process and of the children that it has waited for, in milliseconds.
    var cpu: Double
    /// Resident memory in bytes.
    var resident: Double

    /// - Throws: `FigureError` if there is no such process.
    init(pid: Int32) throws(FigureError) {
        let tick = 1000 / Double(sysconf(Int32(_SC_CLK_TCK)))
        guard let stat = readText("/proc/\(pid)/stat"), let ticks = ProcessFigures.ticks(stat: stat) else { throw FigureError(pid: pid) }
        guard let status = readText("/proc/\(pid)/status"), let resident = ProcessFigures.resident(status: status) else {
            throw FigureError(pid: pid)
        }
        cpu = Double(ticks) * tick
        self.resident = Double(resident)
    }

    /// utime, stime, cutime and cstime of a stat file, added up, in clock ticks. The name in brackets may hold anything.
    static func ticks(stat: String) -> Int? {
        guard let close = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[close...].split(separator: " ").dropFirst()
        // The first field after the name is number 3, state; utime is number 14.
        let times = fields.dropFirst(11).prefix(4).compactMap { Int($0) }
        return times.count == 4 ? times.reduce(0, +) : nil
    }

    /// VmRSS of a status file, in bytes.
    static func resident(status: String) -> Int? {
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }) else { return nil }
        return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
}

/// The process to measure is not there.
struct FigureError: Error, CustomStringConvertible {
    let pid: Int32
    var description: String { "no process \(pid) to measure: give the daemon's pid" }
}

/// The whole of a small file, nil if it cannot be read.
private func readText(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}
