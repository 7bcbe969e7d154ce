import Testing

@testable import Cgroups

@Suite struct CgroupDetailsTests {
    @Test func detailsOfV1() {
        let details = CgroupDetails(v1: [
            "cpuacct.usage_user": "30\n", "cpuacct.usage_sys": "12\n", "cpu.stat": "nr_periods 5\nnr_throttled 2\nthrottled_time 99\n",
            "memory.stat": "cache 1\nmapped_file 2\ntotal_cache 4096\ntotal_mapped_file 8192\n", "memory.kmem.usage_in_bytes": "7\n",
            "memory.max_usage_in_bytes": "100\n", "memory.failcnt": "3\n", "memory.oom_control": "under_oom 0\noom_kill 1\n",
            "pids.max": "64\n",
            "blkio.throttle.io_service_bytes_recursive": "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n9:1 Read 5\nTotal 65\n",
            "blkio.throttle.io_serviced_recursive": "8:0 Read 1\n8:0 Write 2\n",
        ])
        #expect(details.cpuUser == 30 && details.cpuSystem == 12)
        #expect(details.periods == 5 && details.throttledPeriods == 2 && details.throttledTime == 99)
        #expect(details.cache == 4096 && details.mappedFiles == 8192 && details.kernelMemory == 7 && details.memoryPeak == 100)
        #expect(details.memoryLimitHits == 3 && details.oomKills == 1 && details.tasksLimit == 64)
        #expect(details.io.map(\.major) == [8, 9] && details.io.map(\.minor) == [0, 1])
        #expect(details.io.map(\.readBytes) == [10, 5] && details.io.map(\.writtenBytes) == [20, 0])
        #expect(details.io.map(\.reads) == [1, 0] && details.io.map(\.writes) == [2, 0])
    }

    @Test func detailsOfV2() {
        let details = CgroupDetails(v2: [
            "cpu.stat": "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 3\nnr_throttled 1\nthrottled_usec 2\n",
            "memory.stat": "file 4096\nfile_mapped 8192\nkernel 7\n", "memory.peak": "100\n",
            "memory.events": "low 0\nmax 3\noom 2\noom_kill 1\n", "pids.max": "max\n",
            "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0\n",
        ])
        #expect(details.cpuUser == 5000 && details.cpuSystem == 4000 && details.throttledTime == 2000 && details.periods == 3)
        #expect(details.cache == 4096 && details.mappedFiles == 8192 && details.kernelMemory == 7 && details.memoryPeak == 100)
        #expect(details.memoryLimitHits == 3 && details.oomKills == 1 && details.tasksLimit == nil)
        #expect(details.io.count == 1 && details.io.first?.readBytes == 10 && details.io.first?.writes == 2)
    }

    @Test func whatIsMalformedIsLeftOut() {
        let files = [
            "cpuacct.usage_user": "-1", "cpu.stat": "nr_periods\nuser_usec many", "memory.peak": "max", "memory.events": "oom_kill one",
            "blkio.throttle.io_service_bytes_recursive": "8 Read 1\n8:0:0 Read 1\n8:0 Read\n:0 Write 3\n8:0 Read x\n8:0 Discard 3",
            "io.stat": "nothing\n8: rbytes=1\n\n",
        ]
        #expect(CgroupDetails(v1: files) == CgroupDetails() && CgroupDetails(v2: files) == CgroupDetails())
        #expect(CgroupDetails(v2: ["io.stat": "8:0 rbytes wbytes=x rios=4"]).io.map(\.reads) == [4])
    }

    @Test func sums() {
        var (first, second) = (CgroupStatistics(), CgroupStatistics())
        (first.cpu, first.memory, first.inactiveFile, first.rss, first.memoryLimit) = (5, 100, 10, 50, 1000)
        (second.cpu, second.memory, second.inactiveFile, second.processes) = (7, 200, 20, 3)
        let sum = CgroupStatistics(sumOf: [first, second])
        #expect(sum.cpu == 12 && sum.workingSet == 270 && sum.rss == 50 && sum.processes == 3 && sum.memoryLimit == nil)
        #expect(CgroupStatistics(sumOf: []).cpu == 0 && CgroupStatistics(sumOf: []).workingSet == 0)
    }
}
