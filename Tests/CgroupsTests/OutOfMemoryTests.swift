import Glibc
import Linux
import Testing

@testable import Cgroups

@Suite struct OutOfMemoryTests {
    @Test func eventsOfV2AndV1() {
        #expect(OOMEvents(v2: "low 0\nhigh 0\nmax 61\noom 2\noom_kill 1\noom_group_kill 0\n") == OOMEvents(occasions: 2, kills: 1))
        #expect(OOMEvents(v2: "oom_kill 3\n") == OOMEvents(kills: 3))
        #expect(OOMEvents(v1: "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n") == OOMEvents(kills: 4))
        for bad in ["", "oom_kill", "oom_kill -1\n", "oom_kill one\n", "xoom_kill 1\n", "\u{0}"] {
            #expect(OOMEvents(v2: bad) == nil && OOMEvents(v1: bad) == nil)
        }
    }

    @Test func aKillOrAnOccasionAndTheSignalExplainAnEnd() {
        #expect(OOMEvents(occasions: 1, kills: 1).explain(exitCode: 0), "a child was killed, the first process went on")
        #expect(OOMEvents(occasions: 1).explain(exitCode: 137))
        #expect(!OOMEvents(occasions: 1).explain(exitCode: 1) && !OOMEvents().explain(exitCode: 137))
    }

    @Test func cgroupsBelowCount() throws {
        let directory = try TemporaryTree(["memory.events": "oom 1\noom_kill 0\n", "memory.events.local": "oom 1\noom_kill 0\n"], below: "scope")
        defer { directory.remove() }
        try Files.makeDirectories("\(directory.path)/scope/container/deep")
        func write(_ text: String, _ path: String) throws { try Files.writeAtomically(Array(text.utf8), to: "\(directory.path)/scope/\(path)") }
        try write("oom 0\noom_kill 2\n", "container/memory.events.local")
        try write("oom 0\noom_kill 3\n", "container/deep/memory.events.local")
        let tree = CgroupTree(layout: CgroupLayout(version: .v2, unified: directory.path))
        // Mounted with memory_localevents, the scope's own file tells of itself alone.
        #expect(tree.outOfMemoryEvents(of: "/scope") == OOMEvents(occasions: 1, kills: 5))
        try write("oom 4\noom_kill 6\n", "memory.events")
        #expect(tree.outOfMemoryEvents(of: "/scope") == OOMEvents(occasions: 4, kills: 6))
        #expect(tree.outOfMemoryEvents(of: "/other") == nil)
        let v1 = CgroupTree(layout: CgroupLayout(version: .v1, controllers: ["memory": directory.path]))
        #expect(v1.outOfMemoryEvents(of: "/scope") == nil)
        try write("under_oom 0\noom_kill 7\n", "container/memory.oom_control")
        #expect(v1.outOfMemoryEvents(of: "/scope") == OOMEvents(kills: 7))
    }

    @Test func victimsInTheKernelsLog() {
        func victim(_ record: String) -> KernelLog.Victim? { KernelLog.Victim(record: record) }
        let summary = """
            6,812,15270000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=/pod.slice,\
            task_memcg=/pod.slice/swiftlet-abc.scope/container,task=a,pid=7,pid=1528,uid=0
            """
        let first = victim(summary + "\n SUBSYSTEM=x\n")
        #expect(first?.pid == 1528 && first?.cgroup == "/pod.slice/swiftlet-abc.scope/container", "a name may hold what looks like a field")
        let killed = victim("3,813,15270001,-;Memory cgroup out of memory: Killed process 1528 (tail) total-vm:35316kB, anon-rss:32604kB\n")
        #expect(killed?.pid == 1528 && killed?.cgroup == nil)
        #expect(victim("3,1,2,-;Out of memory: Killed process 9 (sh) total-vm:1kB")?.pid == 9)
        #expect(victim("3,1,2,-;Out of memory (oom_kill_allocating_task): Killed process 9 (sh)")?.pid == 9)
        for bad in [
            "", ";", "6;oom-kill:", "6,1,2,-;oom-kill:task_memcg=/x,pid=1", "6,1,2,-;oom-kill:a,task_memcg=/x,pid=no,uid=0", "6,1,2,-;Killed process 9 (sh)",
            "x,1,2,-;Out of memory: Killed process 9 (sh)", "6,1,2,-;Memory cgroup out of memory: Killed process  (sh)",
            // Programs write with a facility of their own.
            "14,1,2,-;Memory cgroup out of memory: Killed process 9 (sh)",
        ] { #expect(victim(bad) == nil, "\(bad)") }
    }

    @Test func aLogThatIsNotThereTellsNothing() {
        let log = KernelLog(path: "/no/such/log")
        #expect(!log.tells(ofContainer: "abc", pid: 1))
        log.forget(1)
    }

    @Test func whatAWatchedCgroupToldOutlivesIt() throws {
        let directory = try TemporaryTree(["memory.events": "oom 0\noom_kill 0\n"], below: "scope")
        defer { directory.remove() }
        let tree = CgroupTree(layout: CgroupLayout(version: .v2, unified: directory.path))
        let watcher = OOMWatcher(tree: tree, log: KernelLog(path: "/no/such/log"))
        watcher.watch("c", path: "/scope", pid: 5)
        #expect(!watcher.explains(exitCode: 137, of: "c", path: "/scope", pid: 5))
        try Files.write("oom 1\noom_kill 1\n", to: "\(directory.path)/scope/memory.events")
        #expect(watcher.explains(exitCode: 137, of: "c", path: "/scope", pid: 5))
        directory.remove()
        #expect(watcher.explains(exitCode: 137, of: "c", path: "/scope", pid: 5))
        watcher.forget("c")
        #expect(!watcher.explains(exitCode: 137, of: "c", path: "/scope", pid: 5))
    }
}
