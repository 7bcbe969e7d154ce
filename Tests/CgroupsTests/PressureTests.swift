import Linux
import Testing

@testable import Cgroups

@Suite struct PressureTests {
    static let text = """
        some avg10=1.50 avg60=0.25 avg300=0.00 total=123456
        full avg10=0.00 avg60=0.10 avg300=99.99 total=7

        """

    @Test func linesOfTheKernel() throws {
        let pressure = try #require(Pressure(text: Self.text))
        #expect(pressure.some == .init(average10: 1.5, average60: 0.25, average300: 0, total: 123_456_000))
        #expect(pressure.full == .init(average10: 0, average60: 0.1, average300: 99.99, total: 7000))
        // Older kernels have no "full" for the processors.
        let half = Pressure(text: "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")
        #expect(half?.some?.total == 0 && half?.full == nil)
    }

    @Test(arguments: [
        "", "\n\n", "some", "some avg10=1 avg60=1 avg300=1", "some avg10=x avg60=1 avg300=1 total=1", "none avg10=1 avg60=1 avg300=1 total=1",
        "some avg10=nan avg60=1 avg300=1 total=1", "some avg10=-1 avg60=1 avg300=1 total=1", "some avg10=1 avg60=1 avg300=1 total=-1",
        "some avg10 avg60 avg300 total", "\u{0}",
    ])
    func whatIsNotOfTheForm(_ text: String) { #expect(Pressure(text: text) == nil) }

    /// A container's cgroup on a host with cgroup v2 alone, as its files read.
    private let recorded = [
        "cpu.stat": "usage_usec 5000\nuser_usec 3000\nsystem_usec 2000\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n",
        "memory.current": "10485760\n", "memory.max": "67108864\n", "memory.swap.current": "1048576\n", "memory.swap.max": "4194304\n",
        "memory.stat": "anon 8388608\nfile 2097152\ninactive_file 1048576\npgfault 100\npgmajfault 3\n", "pids.current": "2\n",
        "cpu.pressure": text, "memory.pressure": text, "io.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n",
    ]

    @Test func aRecordedTree() throws {
        let directory = try TemporaryTree(recorded, below: "kubepods/pod1/c")
        defer { directory.remove() }
        let tree = CgroupTree(layout: CgroupLayout(version: .v2, unified: directory.path))
        let figures = try #require(tree.statistics(of: "/kubepods/pod1/c"))
        #expect(figures.cpuPressure?.some?.total == 123_456_000 && figures.memoryPressure?.full?.total == 7000)
        #expect(figures.ioPressure?.some?.total == 5000 && figures.ioPressure?.full == nil)
        #expect(figures.swap == 1 << 20 && figures.swapLimit == 4 << 20 && figures.memoryLimit == 64 << 20)
        #expect(figures.workingSet == 9 << 20 && figures.cpu == 5_000_000 && figures.processes == 2)
    }

    @Test func whatTheKernelDoesNotCountIsNil() {
        let figures = CgroupStatistics(v2: ["memory.swap.max": "max\n", "cpu.pressure": ""])
        #expect(figures.cpuPressure == nil && figures.ioPressure == nil && figures.swapLimit == nil)
        let v1 = CgroupStatistics(v1: ["memory.limit_in_bytes": "1000\n", "memory.memsw.limit_in_bytes": "1500\n", "cpu.pressure": Self.text])
        #expect(v1.swapLimit == 500 && v1.cpuPressure == nil)
        #expect(CgroupStatistics(v1: ["memory.memsw.limit_in_bytes": "9223372036854771712\n"]).swapLimit == nil)
    }
}
