import Linux
import Testing

@testable import Cgroups

@Suite struct CgroupNamesTests {
    @Test func cgroupfsTakesPaths() throws {
        let names = CgroupNames(driver: .cgroupfs)
        #expect(try names.parent("") == "/swiftlet")
        #expect(try names.parent("kubepods/pod1") == "/kubepods/pod1")
        #expect(names.containerPath(parent: "/kubepods/pod1", containerID: "abc") == "/kubepods/pod1/swiftlet-abc")
        #expect(names.containerPath(parent: "/", containerID: "abc") == "/swiftlet-abc")
        #expect(throws: CgroupNameError.self) { try names.parent("kubepods.slice") }
        #expect(throws: CgroupNameError.self) { try names.parent("/a/../../b") }
    }

    @Test func systemdTakesSlices() throws {
        let names = CgroupNames(driver: .systemd)
        #expect(try names.parent("") == "system.slice")
        #expect(try names.parent("/kubepods.slice/kubepods-burstable.slice") == "kubepods-burstable.slice")
        #expect(throws: CgroupNameError.self) { try names.parent("/kubepods/pod1") }
        let path = names.containerPath(parent: "kubepods-burstable.slice", containerID: "abc")
        #expect(path == "kubepods-burstable.slice:swiftlet:abc")
        #expect(names.fileSystemPath(path) == "/kubepods.slice/kubepods-burstable.slice/swiftlet-abc.scope")
        #expect(names.fileSystemPath("-.slice") == "")
        #expect(names.fileSystemPath("no slice") == "")
    }

    @Test func layoutOfV1() throws {
        let table = """
            30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
            31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
            32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
            33 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            34 30 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
            """
        let layout = CgroupLayout(mounts: table.split(separator: "\n").compactMap { MountEntry(line: $0) })
        #expect(layout.version == .v1)
        #expect(layout.directories(of: "/a") == ["/sys/fs/cgroup/cpu,cpuacct/a", "/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/systemd/a"])
        #expect(layout.directory(of: "a", controller: "memory") == "/sys/fs/cgroup/memory/a")
        #expect(layout.directory(of: "a", controller: "hugetlb") == nil)
    }

    @Test func layoutOfV2() throws {
        let entry = try #require(MountEntry(line: "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate"))
        let layout = CgroupLayout(mounts: [entry])
        #expect(layout.version == .v2)
        #expect(layout.directories(of: "/a/b") == ["/sys/fs/cgroup/a/b"])
    }
}

@Suite struct CgroupStatisticsTests {
    @Test func figuresOfV1() {
        let figures = CgroupStatistics(v1: [
            "cpuacct.usage": "123456789\n", "memory.usage_in_bytes": "1048576\n", "pids.current": "3\n",
            "memory.stat": "cache 4096\ntotal_inactive_file 48576\ntotal_rss 500000\ntotal_pgfault 12\ntotal_pgmajfault 1\ntotal_swap 0\n",
            "memory.limit_in_bytes": "9223372036854771712\n",
        ])
        #expect(figures.cpu == 123_456_789)
        #expect(figures.workingSet == 1_000_000)
        #expect(figures.rss == 500_000 && figures.pageFaults == 12 && figures.majorPageFaults == 1)
        #expect(figures.processes == 3 && figures.swap == 0)
        #expect(figures.memoryLimit == nil)
    }

    @Test func figuresOfV2() {
        let figures = CgroupStatistics(v2: [
            "cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n", "memory.current": "8192\n", "memory.max": "max\n",
            "memory.stat": "anon 4096\nfile 4096\ninactive_file 1024\npgfault 7\npgmajfault 2\n", "memory.swap.current": "0\n",
            "pids.current": "1\n",
        ])
        #expect(figures.cpu == 1_500_000)
        #expect(figures.workingSet == 7168)
        #expect(figures.memoryLimit == nil && figures.rss == 4096)
        #expect(CgroupStatistics(v2: ["memory.max": "1000\n"]).memoryLimit == 1000)
    }

    @Test func whatIsNotANumberIsLeftOut() {
        let files = [
            "cpuacct.usage": "many", "memory.usage_in_bytes": "-1", "memory.stat": "total_rss\nx y z\n\u{0}",
            "cpu.stat": "usage_usec 18446744073709551616",
        ]
        #expect(CgroupStatistics(v1: files) == CgroupStatistics())
        #expect(CgroupStatistics(v2: files) == CgroupStatistics())
        var small = CgroupStatistics()
        small.memory = 10
        small.inactiveFile = 20
        #expect(small.workingSet == 0)
    }

    @Test func aCgroupIsMadeAndRemoved() throws {
        let layout = CgroupLayout(mounts: try MountTable.read())
        let tree = CgroupTree(layout: layout)
        let path = "/swiftlet-test-\(UInt32.random(in: .min ... .max))"
        try tree.make(path + "/child")
        // As a runtime leaves it behind.
        if layout.version == .v1, Files.exists("/sys/fs/cgroup/unified") { try Files.makeDirectories(layout.unified + path) }
        #expect(tree.exists(path + "/child"))
        #expect(tree.statistics(of: path)?.processes == 0)
        tree.remove(path)
        #expect(!tree.exists(path))
        #expect(tree.statistics(of: path) == nil)
        #expect(!Files.exists(layout.unified + path))
        tree.remove(path)
    }
}
