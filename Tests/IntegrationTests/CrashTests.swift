import CRI
import GRPCCore
import Glibc
import Linux
import Testing

extension Integration {
    @Suite struct Crash {
        /// Every pod that a caller asks for while the daemon is killed again and again comes up in the end, once,
        /// and when they are removed nothing is left (which `Daemon.during` checks).
        @Test("SIGKILL at any moment of creation leaks nothing, and asking again succeeds")
        func duringCreation() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for index in 0..<6 {
                        group.addTask { try await persist { try await bringUp("pod-\(index)", kubelet) } }
                    }
                    for _ in 0..<6 {
                        try await Task.sleep(for: .milliseconds(.random(in: 10...400)))
                        try await daemon.restart(SIGKILL)
                    }
                    try await group.waitForAll()
                }
                let pods = try await kubelet.runtime.listPodSandbox(.init()).items
                #expect(pods.filter { $0.state == .sandboxReady }.count == 6)
                let containers = try await kubelet.runtime.listContainers(.init()).containers
                #expect(containers.filter { $0.state == .containerRunning }.count == 6)
            }
        }

        @Test("SIGKILL at any moment of removal leaks nothing, and asking again succeeds")
        func duringRemoval() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                for index in 0..<5 { try await bringUp("pod-\(index)", kubelet) }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for pod in try await kubelet.runtime.listPodSandbox(.init()).items {
                        group.addTask { try await persist { try await kubelet.removePod(pod.id) } }
                    }
                    for _ in 0..<4 {
                        try await Task.sleep(for: .milliseconds(.random(in: 5...150)))
                        try await daemon.restart(SIGKILL)
                    }
                    try await group.waitForAll()
                }
                #expect(try await kubelet.runtime.listPodSandbox(.init()).items.isEmpty)
                #expect(try await kubelet.runtime.listContainers(.init()).containers.isEmpty)
            }
        }

        @Test("SIGKILL at any moment of a pull leaves no partial image, and asking again succeeds")
        func duringPull() async throws {
            let images = try [Lab.current.busybox, Lab.current.layered]
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                for _ in 0..<6 {
                    let pulls = Task { for image in images { _ = try await kubelet.pull(image) } }
                    try await Task.sleep(for: .milliseconds(.random(in: 1...120)))
                    try await daemon.restart(SIGKILL)
                    _ = await pulls.result
                    for image in try await kubelet.images.listImages(.init()).images {
                        #expect(try await usable(image.id, kubelet))
                    }
                    for image in images { _ = try await kubelet.images.removeImage(.with { $0.image.image = image }) }
                }
                for image in images { #expect(try await usable(kubelet.pull(image), kubelet)) }
            }
        }

        /// Whether a container of the image runs.
        private func usable(_ image: String, _ kubelet: Kubelet) async throws -> Bool {
            let pod = try await kubelet.runPod("probe")
            let id = try await kubelet.run("c", in: pod, "/bin/busybox true; exit 3") { $0.image.image = image }
            let code = try await kubelet.exited(id).exitCode
            try await kubelet.removePod(pod.id)
            return code == 3
        }

        /// Brings a pod with one container up, whatever of it is there already.
        private func bringUp(_ name: String, _ kubelet: Kubelet) async throws {
            let pod = try await kubelet.runPod(name)
            let running = try await kubelet.runtime.listContainers(
                .with {
                    $0.filter.podSandboxID = pod.id
                    $0.filter.state.state = .containerRunning
                })
            if running.containers.isEmpty { _ = try await kubelet.run("c", in: pod, "exec sleep 1000") }
        }

        /// Tries as the kubelet does: again, until it succeeds.
        private func persist(_ body: @Sendable () async throws -> Void) async throws {
            let deadline = ContinuousClock.now + .seconds(40)
            while true {
                do {
                    return try await body()
                } catch is RPCError where ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
        }
    }
}
