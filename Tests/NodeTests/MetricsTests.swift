import CRI
import Cgroups
import Glibc
import Testing

@testable import Node

@Suite struct MetricsTests {
    private var subject: MetricSubject {
        MetricSubject(labelValues: ["id", "image", "namespace", "pod", "container"])
    }

    private func messages(_ figures: ContainerFigures, _ groups: [MetricGroup] = MetricGroup.allCases) -> [Runtime_V1_Metric] {
        groups.flatMap(\.ofContainers).flatMap { $0.messages(figures, of: subject, at: 7) }
    }

    private var figures: ContainerFigures {
        var figures = ContainerFigures()
        figures.time = 5_000_000_000
        figures.usage = CgroupStatistics(v1: [
            "cpuacct.usage": "3500000000", "memory.usage_in_bytes": "1000", "memory.stat": "total_inactive_file 100\ntotal_pgfault 4",
        ])
        figures.details = CgroupDetails(v1: [
            "memory.failcnt": "2", "blkio.throttle.io_service_bytes_recursive": "8:1 Read 10\n8:1 Write 20",
        ])
        figures.resources.cpuQuota = 20000
        figures.resources.memoryLimitInBytes = -1
        return figures
    }

    @Test func valuesOfFigures() {
        let found = messages(figures)
        func values(_ name: String) -> [UInt64] { found.filter { $0.name == name }.map(\.value.value) }
        #expect(values("container_last_seen") == [5])
        #expect(values("container_cpu_usage_seconds_total") == [3])
        #expect(values("container_memory_working_set_bytes") == [900] && values("container_memory_failcnt") == [2])
        #expect(values("container_memory_failures_total") == [4, 4, 0, 0])
        #expect(values("container_spec_cpu_quota") == [20000] && values("container_spec_memory_limit_bytes") == [0])
        #expect(values("container_blkio_device_usage_total") == [10, 20] && values("container_fs_writes_bytes_total") == [20])
        // What the host does not tell is no metric, rather than nought.
        #expect(values("container_memory_max_usage_bytes") == [] && values("container_pressure_io_waiting_seconds_total") == [])
        let usage = found.first { $0.name == "container_cpu_usage_seconds_total" }
        #expect(usage?.labelValues == ["id", "image", "namespace", "pod", "container", "total"])
        #expect(usage?.timestamp == 7 && usage?.metricType == .counter)
    }

    @Test func groupsAreChosen() {
        #expect(Set(messages(figures, [.memory]).map(\.name)).allSatisfy { $0.hasPrefix("container_memory_") })
        #expect(messages(figures, [.hugetlb, .network]).isEmpty)
    }

    @Test func everyMetricHasTheLabelsThatItsDescriptionNames() {
        let descriptors = MetricGroup.allCases.flatMap { $0.ofContainers.map(\.descriptor) + $0.ofInterfaces.map(\.descriptor) }
        #expect(Set(descriptors.map(\.name)).count == descriptors.count && descriptors.allSatisfy { !$0.help.isEmpty })
        let counters = NetworkCounters.parse("eth0: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0")
        let network = MetricGroup.network.ofInterfaces.flatMap { metric in counters.flatMap { metric.messages($0, of: subject, at: 7) } }
        #expect(network.map(\.value.value) == [1, 2, 4, 3, 5, 6, 8, 7])
        for message in messages(figures) + network {
            #expect(descriptors.first { $0.name == message.name }?.labelKeys.count == message.labelValues.count, "\(message.name)")
        }
    }

    @Test func processFigures() {
        #expect(ProcessFigures.threads(status: "Name:\tx\nThreads:\t12\n") == 12 && ProcessFigures.threads(status: "Threads:\tx") == nil)
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024   4096   files\n"
        #expect(ProcessFigures.openFilesLimit(limits: limits) == 1024)
        #expect(ProcessFigures.openFilesLimit(limits: "Max open files   unlimited unlimited files") == nil)
        let own = ProcessFigures(of: [getpid(), -5])
        #expect(own.processes == 1 && own.threads > 0 && own.descriptors > 0)
        #expect(ProcessFigures(of: []) == ProcessFigures())
    }
}
