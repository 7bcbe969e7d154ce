import CRI
import Cgroups

typealias ContainerMetric = Metric<ContainerFigures>

extension MetricGroup {
    /// The group's metrics of containers.
    var ofContainers: [ContainerMetric] {
        switch self {
        case .presence: Self.presenceMetrics
        case .cpu: Self.cpuMetrics
        case .memory: Self.memoryMetrics
        case .oom: Self.oomMetrics
        case .process: Self.processMetrics
        case .spec: Self.specMetrics
        case .disk: Self.diskMetrics
        case .diskIO: Self.diskIOMetrics
        case .pressure: Self.pressureMetrics
        case .network, .hugetlb: []
        }
    }

    /// Whole seconds: the CRI has no fractions.
    private static func seconds(_ nanoseconds: UInt64?) -> UInt64? { nanoseconds.map { $0 / 1_000_000_000 } }

    private static let presenceMetrics: [ContainerMetric] = [
        .gauge("container_last_seen", "When the container was last looked at, in seconds since the epoch.") {
            UInt64(max(0, $0.time)) / 1_000_000_000
        }
    ]

    private static let cpuMetrics: [ContainerMetric] = [
        .counter("container_cpu_user_seconds_total", "Processor time spent outside the kernel, in seconds.") {
            seconds($0.details.cpuUser)
        },
        .counter("container_cpu_system_seconds_total", "Processor time spent in the kernel, in seconds.") { seconds($0.details.cpuSystem) },
        ContainerMetric(
            name: "container_cpu_usage_seconds_total", help: "Processor time spent, in seconds.", type: .counter, labels: ["cpu"]
        ) { figures in seconds(figures.usage.cpu).map { [.init(labels: ["total"], value: $0)] } ?? [] },
        .counter("container_cpu_cfs_periods_total", "Periods of the processor limit that have passed.") { $0.details.periods },
        .counter("container_cpu_cfs_throttled_periods_total", "Periods in which the container was throttled.") {
            $0.details.throttledPeriods
        },
        .counter("container_cpu_cfs_throttled_seconds_total", "How long the container was throttled, in seconds.") {
            seconds($0.details.throttledTime)
        },
    ]

    private static let memoryMetrics: [ContainerMetric] = [
        .gauge("container_memory_cache", "Bytes of page cache.") { $0.details.cache },
        .gauge("container_memory_rss", "Bytes of anonymous memory.") { $0.usage.rss },
        .gauge("container_memory_kernel_usage", "Bytes of the kernel's memory on the container's account.") { $0.details.kernelMemory },
        .gauge("container_memory_mapped_file", "Bytes of mapped files.") { $0.details.mappedFiles },
        .gauge("container_memory_swap", "Bytes swapped out.") { $0.usage.swap },
        .counter("container_memory_failcnt", "How often the memory limit was met.") { $0.details.memoryLimitHits },
        .gauge("container_memory_usage_bytes", "Bytes of memory, page cache included.") { $0.usage.memory },
        .gauge("container_memory_max_usage_bytes", "Bytes of memory at the most so far.") { $0.details.memoryPeak },
        .gauge("container_memory_working_set_bytes", "Bytes of memory that cannot be taken back at once.") { $0.usage.workingSet },
        ContainerMetric(
            name: "container_memory_failures_total", help: "Page faults.", type: .counter, labels: ["failure_type", "scope"]
        ) { figures in
            [("pgfault", figures.usage.pageFaults), ("pgmajfault", figures.usage.majorPageFaults)].flatMap { type, count in
                // Containers have no cgroups below theirs, unless they make some: one figure stands for both.
                ["container", "hierarchy"].map { .init(labels: [type, $0], value: count) }
            }
        },
    ]

    private static let oomMetrics: [ContainerMetric] = [
        .counter("container_oom_events_total", "Processes killed because memory ran out.") { $0.details.oomKills }
    ]

    private static let processMetrics: [ContainerMetric] = [
        .gauge("container_processes", "Processes in the container.") { $0.processes.processes },
        .gauge("container_threads", "Threads in the container.") { $0.processes.threads },
        .gauge("container_threads_max", "Threads that there may be; 0 for no limit.") { $0.details.tasksLimit ?? 0 },
        .gauge("container_file_descriptors", "Open file descriptors.") { $0.processes.descriptors },
        .gauge("container_sockets", "Open sockets.") { $0.processes.sockets },
        ContainerMetric(
            name: "container_ulimits_soft", help: "Soft resource limits of the container's first process.", type: .gauge, labels: ["ulimit"]
        ) { figures in figures.processes.openFilesLimit.map { [.init(labels: ["max_open_files"], value: $0)] } ?? [] },
    ]

    private static let diskMetrics: [ContainerMetric] = [
        .gauge("container_fs_inodes_free", "Free inodes of the file system that the container writes to.") { $0.disk.freeInodes },
        .gauge("container_fs_inodes_total", "Inodes of the file system that the container writes to.") { $0.disk.inodes },
        .gauge("container_fs_limit_bytes", "Bytes of the file system that the container writes to.") { $0.disk.size },
        .gauge("container_fs_usage_bytes", "Bytes that the container has written to its root file system.") { $0.disk.used },
    ]

    private static func ofDevices(
        _ name: String, _ help: String, _ value: @escaping @Sendable (CgroupDetails.DeviceIO) -> UInt64
    ) -> ContainerMetric {
        ContainerMetric(name: name, help: help, type: .counter, labels: ["device"]) { figures in
            figures.details.io.map { .init(labels: ["\($0.major):\($0.minor)"], value: value($0)) }
        }
    }

    private static let diskIOMetrics: [ContainerMetric] = [
        ofDevices("container_fs_reads_bytes_total", "Bytes read of block devices.", \.readBytes),
        ofDevices("container_fs_reads_total", "Reads of block devices.", \.reads),
        ofDevices("container_fs_writes_bytes_total", "Bytes written to block devices.", \.writtenBytes),
        ofDevices("container_fs_writes_total", "Writes to block devices.", \.writes),
        ContainerMetric(
            name: "container_blkio_device_usage_total", help: "Bytes read of and written to block devices.", type: .counter,
            labels: ["device", "major", "minor", "operation"]
        ) { figures in
            figures.details.io.flatMap { device in
                [("read", device.readBytes), ("write", device.writtenBytes)].map { operation, bytes in
                    .init(
                        labels: ["\(device.major):\(device.minor)", "\(device.major)", "\(device.minor)", operation], value: bytes)
                }
            }
        },
    ]

    /// A limit; 0 for none, whichever way the request says so.
    private static func limit(_ value: Int64) -> UInt64 { value < 0 || value > 1 << 62 ? 0 : UInt64(value) }

    private static let specMetrics: [ContainerMetric] = [
        .gauge("container_spec_cpu_period", "Period of the processor limit, in microseconds.") { limit($0.resources.cpuPeriod) },
        .gauge("container_spec_cpu_quota", "Processor time that each period allows, in microseconds.") {
            $0.resources.cpuQuota > 0 ? limit($0.resources.cpuQuota) : nil
        },
        .gauge("container_spec_cpu_shares", "The container's weight when processors are scarce.") { limit($0.resources.cpuShares) },
        .gauge("container_spec_memory_limit_bytes", "The memory limit, in bytes; 0 for none.") { limit($0.resources.memoryLimitInBytes) },
        .gauge("container_spec_memory_swap_limit_bytes", "The limit of memory and swap together, in bytes; 0 for none.") {
            limit($0.resources.memorySwapLimitInBytes)
        },
        .gauge("container_spec_memory_reservation_limit_bytes", "Memory kept for the container, in bytes; 0 for none.") {
            $0.resources.unified["memory.min"].flatMap { Int64($0) }.map(limit) ?? 0
        },
        .gauge("container_start_time_seconds", "When the container started, in seconds since the epoch.") {
            UInt64(max(0, $0.startedAt)) / 1_000_000_000
        },
    ]

    private static let pressureMetrics: [ContainerMetric] = [
        .counter("container_pressure_cpu_stalled_seconds_total", "How long all tasks waited for a processor, in seconds.") {
            seconds($0.usage.cpuPressure?.full?.total)
        },
        .counter("container_pressure_cpu_waiting_seconds_total", "How long some task waited for a processor, in seconds.") {
            seconds($0.usage.cpuPressure?.some?.total)
        },
        .counter("container_pressure_memory_stalled_seconds_total", "How long all tasks waited for memory, in seconds.") {
            seconds($0.usage.memoryPressure?.full?.total)
        },
        .counter("container_pressure_memory_waiting_seconds_total", "How long some task waited for memory, in seconds.") {
            seconds($0.usage.memoryPressure?.some?.total)
        },
        .counter("container_pressure_io_stalled_seconds_total", "How long all tasks waited for a disk, in seconds.") {
            seconds($0.usage.ioPressure?.full?.total)
        },
        .counter("container_pressure_io_waiting_seconds_total", "How long some task waited for a disk, in seconds.") {
            seconds($0.usage.ioPressure?.some?.total)
        },
    ]
}
