import CRI
import Testing

extension Integration {
    @Suite struct Idempotence {
        @Test("The same pod asked for many times at once is made once, and all callers get it")
        func pods() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                let ids = try await atOnce(10) { try await kubelet.runPod("one").id }
                #expect(Set(ids).count == 1)
                #expect(try await kubelet.runtime.listPodSandbox(.init()).items.count == 1)
                #expect(try await kubelet.runPod("one").id == ids.first)
                let next = try await kubelet.runPod("one") { $0.metadata.attempt = 1 }
                #expect(next.id != ids.first, "another attempt is another pod")
            }
        }

        @Test("A caller who gives up leaves the work to the one who asks again")
        func cancelled() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                let impatient = Task { try await kubelet.runPod("one").id }
                try await Task.sleep(for: .milliseconds(30))
                impatient.cancel()
                _ = await impatient.result
                let id = try await kubelet.runPod("one").id
                #expect(try await kubelet.status(pod: id).state == .sandboxReady)
                #expect(try await kubelet.runtime.listPodSandbox(.init()).items.map(\.id) == [id])
            }
        }

        @Test("The same container asked for many times at once is made once, and all callers get it")
        func containers() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("pod")
                let ids = try await atOnce(10) { try await kubelet.create("one", in: pod, "exec sleep 1000") }
                #expect(Set(ids).count == 1)
                let id = try #require(ids.first)
                try await kubelet.start(id)
                _ = try await atOnce(5) { try await kubelet.stop(id) }
                _ = try await atOnce(5) { try await kubelet.remove(id) }
                #expect(try await kubelet.runtime.listContainers(.init()).containers.isEmpty)
            }
        }

        @Test("The same image pulled many times at once is one image")
        func pulls() async throws {
            let image = try Lab.current.layered
            try await Daemon.during { daemon in
                let references = try await atOnce(10) { try await daemon.kubelet.pull(image) }
                #expect(Set(references).count == 1)
                #expect(try await daemon.kubelet.images.listImages(.init()).images.count == 1)
            }
        }

        /// Calls `body` that many times at once.
        private func atOnce<R: Sendable>(_ count: Int, _ body: @escaping @Sendable () async throws -> R) async throws -> [R] {
            try await withThrowingTaskGroup(of: R.self) { group in
                for _ in 0..<count { group.addTask { try await body() } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
    }
}
