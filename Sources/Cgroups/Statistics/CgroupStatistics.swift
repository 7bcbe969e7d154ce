/// What a cgroup has used, as its files tell. What a host does not tell is nil.
public struct CgroupStatistics: Sendable, Equatable {
    /// Nanoseconds of processor time.
    public var cpu: UInt64?
    /// Bytes, page cache included.
    public var memory: UInt64?
    /// Bytes of the page cache that could go at once.
    public var inactiveFile: UInt64 = 0
    /// Bytes of anonymous memory.
    public var rss: UInt64 = 0
    public var pageFaults: UInt64 = 0
    public var majorPageFaults: UInt64 = 0
    /// Bytes swapped out.
    public var swap: UInt64?
    /// Bytes that may be swapped out; nil for no limit.
    public var swapLimit: UInt64?
    public var processes: UInt64?
    /// Bytes; nil for no limit.
    public var memoryLimit: UInt64?
    /// How long tasks waited for each resource; nil where the kernel does not count it, as with cgroup v1.
    public var cpuPressure: Pressure?
    public var memoryPressure: Pressure?
    public var ioPressure: Pressure?

    public init() {}

    /// What the kernel could not take back: what the kubelet evicts by.
    public var workingSet: UInt64? { memory.map { $0 > inactiveFile ? $0 - inactiveFile : 0 } }

    /// Reads the figures of cgroup v1: the texts of the files by name. What is not there or not a number is left out.
    public init(v1 files: [String: String]) {
        cpu = Self.number(files["cpuacct.usage"])
        memory = Self.number(files["memory.usage_in_bytes"])
        processes = Self.number(files["pids.current"])
        let statistics = Self.table(files["memory.stat"])
        inactiveFile = statistics["total_inactive_file"] ?? 0
        rss = statistics["total_rss"] ?? 0
        pageFaults = statistics["total_pgfault"] ?? 0
        majorPageFaults = statistics["total_pgmajfault"] ?? 0
        swap = statistics["total_swap"]
        // Without a limit the file holds the largest number of whole pages.
        memoryLimit = Self.number(files["memory.limit_in_bytes"]).flatMap { $0 > 1 << 62 ? nil : $0 }
        // The file's limit is that of memory and swap together.
        let both = Self.number(files["memory.memsw.limit_in_bytes"]).flatMap { $0 > 1 << 62 ? nil : $0 }
        if let both, let memoryLimit { swapLimit = both > memoryLimit ? both - memoryLimit : 0 }
    }

    /// Reads the figures of cgroup v2 in the same way.
    public init(v2 files: [String: String]) {
        cpu = Self.table(files["cpu.stat"])["usage_usec"].map { $0.multipliedReportingOverflow(by: 1000).partialValue }
        memory = Self.number(files["memory.current"])
        processes = Self.number(files["pids.current"])
        let statistics = Self.table(files["memory.stat"])
        inactiveFile = statistics["inactive_file"] ?? 0
        rss = statistics["anon"] ?? 0
        pageFaults = statistics["pgfault"] ?? 0
        majorPageFaults = statistics["pgmajfault"] ?? 0
        swap = Self.number(files["memory.swap.current"])
        swapLimit = Self.number(files["memory.swap.max"])
        memoryLimit = Self.number(files["memory.max"])
        cpuPressure = files["cpu.pressure"].flatMap(Pressure.init)
        memoryPressure = files["memory.pressure"].flatMap(Pressure.init)
        ioPressure = files["io.pressure"].flatMap(Pressure.init)
    }

    static let v1Files: [(controller: String, file: String)] = [
        ("cpuacct", "cpuacct.usage"), ("memory", "memory.usage_in_bytes"), ("memory", "memory.stat"),
        ("memory", "memory.limit_in_bytes"), ("memory", "memory.memsw.limit_in_bytes"), ("pids", "pids.current"),
    ]
    static let v2Files = [
        "cpu.stat", "memory.current", "memory.stat", "memory.max", "memory.swap.current", "memory.swap.max", "pids.current",
        "cpu.pressure", "memory.pressure", "io.pressure",
    ]

    static func number(_ text: String?) -> UInt64? { text.flatMap { UInt64($0.filter { !$0.isWhitespace }) } }

    /// Lines of a name and a number.
    static func table(_ text: String?) -> [String: UInt64] {
        var result: [String: UInt64] = [:]
        for line in (text ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, let value = UInt64(fields[1]) { result[String(fields[0])] = value }
        }
        return result
    }
}
