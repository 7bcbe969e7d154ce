import Glibc
import Testing

@testable import OCIRuntime

@Suite struct RuntimeParserTests {
    @Test func syncMessages() {
        #expect(SyncMessage(line: Array(#"{"pid": 42}"#.utf8)) == SyncMessage(line: Array(#"{"data": 42}"#.utf8)))
        #expect(SyncMessage(line: Array(#"{"pid": -1, "message": "no\n"}"#.utf8))?.message == "no\n")
        for bad in ["", "{}", "[]", "42", #"{"pid": "x"}"#, #"{"pid": 1"#, "\u{0}"] { #expect(SyncMessage(line: Array(bad.utf8)) == nil) }
    }

    @Test func theEssenceOfAMessage() {
        #expect(RuntimeMessage.essence("") == "it gave no reason")
        #expect(RuntimeMessage.essence("plain\n") == "plain")
        let log = "time=\"t\" level=warning msg=\"hm\"\ntime=\"t\" level=error msg=\"no \\\"such\\\" file\\nat all\"\n"
        #expect(RuntimeMessage.essence(log) == "no \"such\" file\nat all")
        #expect(RuntimeMessage.essence("level=error msg=\"unfinished") == "unfinished")
    }

    @Test func processStatus() throws {
        let text = "12 (a) b (c) S 1 12 12 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9876 1 2 3"
        let status = try #require(ProcessStatus(text: text))
        #expect(status.state == "S" && status.parent == 1 && status.startTime == 9876 && status.isAlive)
        #expect(ProcessStatus(text: text.replacing("S 1", with: "Z 1"))?.isAlive == false)
        for bad in ["", "12 (a", "12 (a) S 1 2", "12 (a) S x 12 12 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9876"] {
            #expect(ProcessStatus(text: bad) == nil)
        }
        #expect(ProcessStatus.read(getpid())?.isAlive == true)
    }

    @Test func whatBecameOfAContainer() {
        func decide(
            _ exitFile: (text: String, time: Int64)?, alive: Bool = false, started: Bool = false, monitorAlive: Bool = false,
            rebooted: Bool = false
        ) -> Observation {
            Observation.decide(exitFile: exitFile, process: (alive, started), monitorAlive: monitorAlive, rebooted: rebooted)
        }
        #expect(decide(("137\n", 5), alive: true, started: true, monitorAlive: true) == .exited(code: 137, time: 5))
        #expect(decide(("-1", 5)) == .exited(code: 255, time: 5))
        #expect(decide(("", 5), alive: true) == .running(started: false))
        #expect(decide(nil, alive: true, started: true) == .running(started: true), "a process without a monitor goes on")
        #expect(decide(nil, monitorAlive: true) == .ending, "the monitor has yet to write")
        #expect(decide(nil) == .lost(.withoutMonitor) && decide(nil, rebooted: true) == .lost(.reboot))
    }

    @Test func processOfAnEarlierBootIsNobody() {
        let own = ContainerProcess(containerID: "c", pid: getpid(), startTime: ProcessStatus.read(getpid())?.startTime, bundle: "/none")
        var (same, other) = (own, own)
        (same.boot, other.boot) = (ContainerProcess.currentBoot, "d1b6ef0c-0000-4000-8000-000000000000")
        #expect(own.isAlive && same.isAlive && !same.isOfAnEarlierBoot)
        #expect(!other.isAlive && other.isOfAnEarlierBoot)
    }
}
