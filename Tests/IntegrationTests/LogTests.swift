import CRI
import Linux
import Testing

extension Integration {
    @Suite struct Logs {
        @Test("Both streams, in the CRI's format, lines that do not end included")
        func format() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("logs")
                let id = try await kubelet.run("c", in: pod, "echo one; echo two >&2; echo; printf three")
                _ = try await kubelet.exited(id)
                let path = try await kubelet.status(id).logPath
                #expect(path == "\(kubelet.logs)/logs/c.log")
                let lines = try LogLine.read(path)
                #expect(lines.filter { $0.stream == "stderr" }.map(\.text) == ["two"])
                let output = lines.filter { $0.stream == "stdout" }
                #expect(output.map(\.text) == ["one", "", "three"])
                #expect(output.map(\.tag).prefix(2) == ["F", "F"])
            }
        }

        @Test("A line longer than the monitor's buffer is told in parts that make it whole")
        func partialLines() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("logs")
                let id = try await kubelet.run("c", in: pod, "head -c 50000 /dev/zero | tr '\\0' x; echo; echo end")
                _ = try await kubelet.exited(id)
                let lines = try LogLine.read("\(kubelet.logs)/logs/c.log")
                let long = lines.prefix { $0.text != "end" }
                #expect(long.count > 1)
                #expect(long.dropLast().allSatisfy { $0.tag == "P" } && long.last?.tag == "F")
                #expect(long.map(\.text).joined() == String(repeating: "x", count: 50000))
            }
        }

        @Test("A rotation with ReopenContainerLog loses no line")
        func rotation() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("logs")
                let id = try await kubelet.run("c", in: pod, "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i + 1)); done; sleep 1000")
                let path = "\(kubelet.logs)/logs/c.log"
                for turn in 0..<3 {
                    try await shell("mv \(path) \(path).\(turn)")
                    _ = try await kubelet.runtime.reopenContainerLog(.with { $0.containerID = id })
                    try await Task.sleep(for: .milliseconds(20))
                }
                func all() throws -> [String] {
                    LogLine.whole(try ["\(path).0", "\(path).1", "\(path).2", path].flatMap { try LogLine.read($0) })
                }
                try await eventually("all lines are written") { (try? all())?.last == "2999" }
                #expect(try all() == (0..<3000).map(String.init))
            }
        }
    }
}
