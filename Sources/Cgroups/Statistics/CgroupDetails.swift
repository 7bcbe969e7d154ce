/// What else the files of a cgroup tell, for those who collect metrics. What a host does not tell is nil.
public struct CgroupDetails: Sendable, Equatable {
    /// Nanoseconds of processor time outside the kernel, and in it.
    public var cpuUser: UInt64?
    public var cpuSystem: UInt64?
    /// Periods of the processor limit, those of them that were throttled, and nanoseconds of being throttled.
    public var periods: UInt64?
    public var throttledPeriods: UInt64?
    public var throttledTime: UInt64?
    /// Bytes of page cache, of files mapped, and of the kernel's own memory.
    public var cache: UInt64?
    public var mappedFiles: UInt64?
    public var kernelMemory: UInt64?
    /// Bytes of memory at the most so far.
    public var memoryPeak: UInt64?
    /// How often the memory limit was met, and how many processes were killed for it.
    public var memoryLimitHits: UInt64?
    public var oomKills: UInt64?
    /// Tasks that there may be; nil for no limit.
    public var tasksLimit: UInt64?
    /// By device.
    public var io: [DeviceIO] = []

    public init() {}

    /// What was read of a block device and written to it.
    public struct DeviceIO: Sendable, Equatable {
        public let major: UInt32
        public let minor: UInt32
        public var readBytes: UInt64 = 0
        public var writtenBytes: UInt64 = 0
        public var reads: UInt64 = 0
        public var writes: UInt64 = 0

        /// A device as the kernel writes it, `8:0`.
        init?(_ text: Substring) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let major = UInt32(parts[0]), let minor = UInt32(parts[1]) else { return nil }
            (self.major, self.minor) = (major, minor)
        }
    }

    /// Reads the figures of cgroup v1: the texts of the files by name. What is not there or not a number is left out.
    public init(v1 files: [String: String]) {
        cpuUser = CgroupStatistics.number(files["cpuacct.usage_user"])
        cpuSystem = CgroupStatistics.number(files["cpuacct.usage_sys"])
        let throttling = CgroupStatistics.table(files["cpu.stat"])
        periods = throttling["nr_periods"]
        throttledPeriods = throttling["nr_throttled"]
        throttledTime = throttling["throttled_time"]
        let memory = CgroupStatistics.table(files["memory.stat"])
        cache = memory["total_cache"]
        mappedFiles = memory["total_mapped_file"]
        kernelMemory = CgroupStatistics.number(files["memory.kmem.usage_in_bytes"])
        memoryPeak = CgroupStatistics.number(files["memory.max_usage_in_bytes"])
        memoryLimitHits = CgroupStatistics.number(files["memory.failcnt"])
        oomKills = CgroupStatistics.table(files["memory.oom_control"])["oom_kill"]
        tasksLimit = CgroupStatistics.number(files["pids.max"])
        read(files["blkio.throttle.io_service_bytes_recursive"], \.readBytes, \.writtenBytes)
        read(files["blkio.throttle.io_serviced_recursive"], \.reads, \.writes)
    }

    /// Reads the figures of cgroup v2 in the same way.
    public init(v2 files: [String: String]) {
        let cpu = CgroupStatistics.table(files["cpu.stat"])
        func nanoseconds(_ name: String) -> UInt64? { cpu[name].map { $0.multipliedReportingOverflow(by: 1000).partialValue } }
        cpuUser = nanoseconds("user_usec")
        cpuSystem = nanoseconds("system_usec")
        periods = cpu["nr_periods"]
        throttledPeriods = cpu["nr_throttled"]
        throttledTime = nanoseconds("throttled_usec")
        let memory = CgroupStatistics.table(files["memory.stat"])
        cache = memory["file"]
        mappedFiles = memory["file_mapped"]
        kernelMemory = memory["kernel"]
        memoryPeak = CgroupStatistics.number(files["memory.peak"])
        let events = CgroupStatistics.table(files["memory.events"])
        memoryLimitHits = events["max"]
        oomKills = events["oom_kill"]
        tasksLimit = CgroupStatistics.number(files["pids.max"])
        for line in (files["io.stat"] ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let first = fields.first, var device = DeviceIO(first) else { continue }
            for field in fields.dropFirst() {
                let parts = field.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, let value = UInt64(parts[1]) else { continue }
                switch parts[0] {
                case "rbytes": device.readBytes = value
                case "wbytes": device.writtenBytes = value
                case "rios": device.reads = value
                case "wios": device.writes = value
                default: continue
                }
            }
            io.append(device)
        }
    }

    /// Lines of a device, an operation and a number, of v1's block I/O controller.
    private mutating func read(
        _ text: String?, _ reads: WritableKeyPath<DeviceIO, UInt64>, _ writes: WritableKeyPath<DeviceIO, UInt64>
    ) {
        for line in (text ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count == 3, let device = DeviceIO(fields[0]), let value = UInt64(fields[2]) else { continue }
            guard let path = fields[1] == "Read" ? reads : fields[1] == "Write" ? writes : nil else { continue }
            let index = io.firstIndex { $0.major == device.major && $0.minor == device.minor } ?? io.endIndex
            if index == io.endIndex { io.append(device) }
            io[index][keyPath: path] = value
        }
    }

    static let v1Files: [(controller: String, file: String)] = [
        ("cpuacct", "cpuacct.usage_user"), ("cpuacct", "cpuacct.usage_sys"), ("cpu", "cpu.stat"), ("memory", "memory.stat"),
        ("memory", "memory.kmem.usage_in_bytes"), ("memory", "memory.max_usage_in_bytes"), ("memory", "memory.failcnt"),
        ("memory", "memory.oom_control"), ("pids", "pids.max"), ("blkio", "blkio.throttle.io_service_bytes_recursive"),
        ("blkio", "blkio.throttle.io_serviced_recursive"),
    ]
    static let v2Files = ["cpu.stat", "memory.stat", "memory.peak", "memory.events", "pids.max", "io.stat"]
}
