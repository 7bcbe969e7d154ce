import CRI
import Glibc
import Linux
import Testing

extension Integration {
    @Suite struct FailedPods {
        /// Refuses ADD and DEL while a file says so.
        private static let stuck = "[ $CNI_COMMAND = ADD ] && [ -e $here/no-add ] && refuse; [ $CNI_COMMAND = DEL ] && [ -e $here/no-del ] && refuse"

        private func pods(_ kubelet: Kubelet) async throws -> [Runtime_V1_PodSandbox] {
            try await kubelet.runtime.listPodSandbox(.init()).items
        }

        @Test("A pod that failed and cannot be undone is listed as not ready, keeps nobody from its name, and is undone in the end")
        func listed() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                try await daemon.chain("stuck", Self.stuck)
                for name in ["no-add", "no-del"] { try daemon.mark(name) }
                #expect(await failure { try await kubelet.runPod("web") }?.message.contains("the shelf is empty") == true)
                let failed = try #require(try await pods(kubelet).first)
                #expect(failed.state == .sandboxNotready && failed.metadata.name == "web")

                try daemon.unmark("no-add")
                let pod = try await kubelet.runPod("web")
                #expect(pod.id != failed.id)
                #expect(try await kubelet.runPod("web").id == pod.id)

                // It outlives the daemon, and still keeps nobody from its name.
                try await daemon.restart(SIGKILL)
                #expect(try await kubelet.runPod("web").id == pod.id)
                #expect(try await Set(pods(kubelet).map(\.id)) == [failed.id, pod.id])
                try daemon.unmark("no-del")
                try await eventually("it is undone", within: .seconds(30)) { try await pods(kubelet).map(\.id) == [pod.id] }
            }
        }

        @Test("A client may remove a pod that failed itself")
        func removed() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                try await daemon.chain("stuck", Self.stuck)
                for name in ["no-add", "no-del"] { try daemon.mark(name) }
                _ = await failure { try await kubelet.runPod("web") }
                let failed = try #require(try await pods(kubelet).first)
                #expect(await failure { try await kubelet.removePod(failed.id) }?.message.contains("the shelf is empty") == true)
                // Tried and failed: it is as it was.
                _ = await failure { try await kubelet.runPod("web") }
                for name in ["no-add", "no-del"] { try daemon.unmark(name) }
                try await kubelet.removePod(failed.id)
                #expect(try await !pods(kubelet).contains { $0.id == failed.id })
            }
        }

        @Test("One that was being made when the daemon was killed, and cannot be undone, neither")
        func killed() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                try await daemon.chain("stuck", Self.stuck + "; [ $CNI_COMMAND = ADD ] && [ -e $here/hold ] && kill -KILL $(cat $here/pid)")
                for name in ["hold", "no-del"] { try daemon.mark(name) }
                try Files.write("\(try await daemon.pid)", creating: "\(daemon.directory)/pid")
                let asking = Task { try await kubelet.runPod("web").id }
                try await daemon.ended()
                try daemon.unmark("hold")
                try await daemon.start()
                _ = await asking.result
                let pod = try await kubelet.runPod("web")
                let list = try await pods(kubelet)
                #expect(list.count == 2 && list.first { $0.id == pod.id }?.state == .sandboxReady)
                try daemon.unmark("no-del")
                try await eventually("the other is undone", within: .seconds(30)) { try await pods(kubelet).map(\.id) == [pod.id] }
            }
        }

        @Test("Ports that cannot be mapped are refused before anything is made")
        func ports() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                try await daemon.chain("counting", "echo $CNI_COMMAND >>$here/calls")
                for (port, ip) in [(0, ""), (-5, ""), (65536, ""), (80, "localhost")] as [(Int32, String)] {
                    let refused = await failure {
                        try await kubelet.runPod("web") {
                            $0.portMappings = [.with { ($0.hostPort, $0.containerPort, $0.hostIp) = (28_080, port, ip) }]
                        }
                    }
                    #expect(refused?.code == .invalidArgument, "\(port) \(ip)")
                }
                #expect(await failure { try await kubelet.runPod("web") { $0.hostname = "a\nb" } }?.code == .invalidArgument)
                #expect(try await pods(kubelet).isEmpty)
                #expect(!daemon.isMarked("calls"))
            }
        }
    }
}
