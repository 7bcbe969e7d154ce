import CRI
import Testing

extension Integration {
    @Suite struct Lists {
        @Test("Pods and containers are filtered by id, state, labels and pod, and found by a prefix of their id")
        func filters() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let first = try await kubelet.runPod("first")
                let second = try await kubelet.runPod("second")
                let running = try await kubelet.run("running", in: first, "exec sleep 1000")
                let created = try await kubelet.create("created", in: second, "true")
                _ = try await kubelet.runtime.stopPodSandbox(.with { $0.podSandboxID = second.id })

                func pods(_ filter: (inout Runtime_V1_PodSandboxFilter) -> Void) async throws -> Set<String> {
                    Set(try await kubelet.runtime.listPodSandbox(.with { filter(&$0.filter) }).items.map(\.id))
                }
                #expect(try await pods { _ in } == [first.id, second.id])
                #expect(try await pods { $0.id = first.id } == [first.id])
                #expect(try await pods { $0.id = String(first.id.prefix(10)) } == [first.id])
                #expect(try await pods { $0.state.state = .sandboxReady } == [first.id])
                #expect(try await pods { $0.state.state = .sandboxNotready } == [second.id])
                #expect(try await pods { $0.labelSelector = ["app": "second", "suite": "integration"] } == [second.id])
                #expect(try await pods { $0.labelSelector = ["app": "third"] } == [])
                #expect(try await pods { $0.id = "feedfeed" } == [])

                func containers(_ filter: (inout Runtime_V1_ContainerFilter) -> Void) async throws -> Set<String> {
                    Set(try await kubelet.runtime.listContainers(.with { filter(&$0.filter) }).containers.map(\.id))
                }
                #expect(try await containers { _ in } == [running, created])
                #expect(try await containers { $0.id = String(running.prefix(8)) } == [running])
                #expect(try await containers { $0.podSandboxID = second.id } == [created])
                #expect(try await containers { $0.podSandboxID = String(first.id.prefix(12)) } == [running])
                #expect(try await containers { $0.state.state = .containerRunning } == [running])
                #expect(try await containers { $0.labelSelector = ["container": "created"] } == [created])
                #expect(try await containers { $0.state.state = .containerUnknown } == [])

                #expect(try await kubelet.status(String(running.prefix(12))).id == running)
                #expect(try await kubelet.status(pod: String(first.id.prefix(12))).id == first.id)
            }
        }

        @Test("Streams of pods, containers and images tell what the lists tell")
        func streams() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("pod")
                let container = try await kubelet.create("c", in: pod, "true")
                let pods = try await kubelet.runtime.streamPodSandboxes(.init()) { response in
                    try await response.messages.reduce(into: []) { $0 += $1.podSandboxes.map(\.id) }
                }
                #expect(pods == [pod.id])
                let containers = try await kubelet.runtime.streamContainers(.init()) { response in
                    try await response.messages.reduce(into: []) { $0 += $1.containers.map(\.id) }
                }
                #expect(containers == [container])
            }
        }

        @Test("What is unknown is NOT_FOUND where a state is asked for, and a success where it is to end")
        func unknown() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                #expect(await failure { try await kubelet.status("feedfeed") }?.code == .notFound)
                #expect(await failure { try await kubelet.status(pod: "feedfeed") }?.code == .notFound)
                #expect(await failure { try await kubelet.start("feedfeed") }?.code == .notFound)
                try await kubelet.stop("feedfeed")
                try await kubelet.remove("feedfeed")
                try await kubelet.removePod("feedfeed")
            }
        }
    }
}
