import Cgroups
import Linux
import Testing

@testable import OCIRuntime

@Suite struct RuntimeProbeTests {
    private func layout(_ lines: String...) -> CgroupLayout { CgroupLayout(mounts: lines.compactMap { MountEntry(line: $0) }) }

    @Test func crunIsLeftOutOfHybridHosts() {
        let v1 = "32 30 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu"
        let v2 = "31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
        #expect(RuntimeProbe.refusal(name: "crun", layout: layout(v1, v2)) != nil)
        #expect(RuntimeProbe.refusal(name: "crun", layout: layout(v1)) == nil)
        #expect(RuntimeProbe.refusal(name: "crun", layout: layout(v2)) == nil)
        #expect(RuntimeProbe.refusal(name: "runc", layout: layout(v1, v2)) == nil)
    }

    @Test func whatDoesNotAnswerIsLeftOut() async {
        #expect(await RuntimeProbe.refusal(path: "/bin/true", name: "runc", layout: layout()) == nil)
        #expect(await RuntimeProbe.refusal(path: "/bin/false", name: "runc", layout: layout()) != nil)
        #expect(await RuntimeProbe.refusal(path: "/no/such/runtime", name: "runc", layout: layout()) != nil)
    }
}
