import CRI
import Glibc
import Linux
import Testing

extension Integration {
    @Suite struct Restart {
        @Test(
            "Pods, containers, addresses and logs outlive the daemon; exits meanwhile are told afterwards",
            arguments: [SIGTERM, SIGKILL])
        func survival(signal: Int32) async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("pod")
                let steady = try await kubelet.run("steady", in: pod, "i=0; while :; do echo $i; i=$((i + 1)); sleep 0.02; done")
                let leaving = try await kubelet.run("leaving", in: pod, "while [ ! -e /dev/shm/leave ]; do sleep 0.02; done; exit 7")
                let waiting = try await kubelet.create("waiting", in: pod, "exec sleep 1000")
                let before = try await kubelet.status(pod: pod.id)
                let main = try #require(try await kubelet.hostProcess(of: steady))

                let later = try await kubelet.exec(steady, "(sleep 0.3; touch /dev/shm/leave) >/dev/null 2>&1 &")
                #expect(later.exitCode == 0)
                try await daemon.end(signal)
                try await Task.sleep(for: .milliseconds(600))
                try await daemon.start()

                #expect(try await kubelet.status(pod: pod.id) == before)
                #expect(try await kubelet.status(leaving).state == .containerExited)
                #expect(try await kubelet.status(leaving).exitCode == 7)
                #expect(try await kubelet.status(steady).state == .containerRunning)
                #expect(try await kubelet.hostProcess(of: steady) == main && kill(main, 0) == 0)
                #expect(try await kubelet.image(Lab.current.busybox) != nil)
                #expect(try await kubelet.output(steady, "echo still here") == "still here")

                try await kubelet.start(waiting)
                #expect(try await kubelet.status(waiting).state == .containerRunning)
                try await kubelet.stop(steady)
                let numbers = try LogLine.read("\(kubelet.logs)/pod/steady.log").compactMap { Int($0.text) }
                #expect(numbers == Array(0..<numbers.count), "no line is lost or told twice")
            }
        }

        @Test("A second daemon on the same root is refused, and says so")
        func secondDaemon() async throws {
            try await Daemon.during { daemon in
                let program = try Daemon.program("swiftlet")
                let second = Command(program, daemon.arguments, environment: daemon.environment, newSession: true)
                let output = try await second.run(timeout: .seconds(20))
                #expect(!output.status.isSuccess)
                #expect(output.errorText.contains(daemon.root) || output.errorText.contains(daemon.socket))
                _ = try await daemon.kubelet.runtime.version(.init())
            }
        }

        @Test("The socket is for root alone, in a folder that is made, and a stale one is replaced")
        func socket() async throws {
            try await Daemon.during { daemon in
                #expect(try await shell("stat -c '%a %U %F' \(daemon.socket)") == "660 root socket\n")
                try await daemon.end(SIGKILL)
                #expect(Files.exists(daemon.socket), "a killed daemon leaves its socket")
                try await daemon.start()
                try await daemon.end()
                #expect(!Files.exists(daemon.socket), "a daemon that ends in peace takes its socket along")
            }
        }
    }
}
