import CRI
import GRPCCore
import Testing

extension Integration {
    /// A client whose connection broke sends again what was in flight: nothing may come of that but what came of the first.
    @Suite struct RepeatedCalls {
        /// A call of the CRI that changes something; returns what tells its effect apart.
        private struct Call: Sendable {
            let name: String
            let send: @Sendable () async throws -> String

            init(_ name: String, _ send: @escaping @Sendable () async throws -> String) {
                (self.name, self.send) = (name, send)
            }
        }

        /// Calls that change nothing, give an address alone, or whose very purpose is an effect each time.
        private static let others: Set<String> = [
            "Version", "Status", "RuntimeConfig", "PodSandboxStatus", "ListPodSandbox", "ContainerStatus", "ListContainers", "ContainerStats",
            "ListContainerStats", "PodSandboxStats", "ListPodSandboxStats", "ListMetricDescriptors", "ListPodSandboxMetrics", "ListImages",
            "ImageStatus", "ImageFsInfo", "Exec", "Attach", "PortForward", "ExecSync",
            // Not served.
            "CheckpointPod", "RestorePod",
            // Checkpoints.repeated, where CRIU works.
            "CheckpointContainer",
        ]

        /// Sends the call twice at once, then once more: all three succeed, and say the same.
        private func expectOneEffect(_ call: Call) async throws {
            async let first = call.send()
            async let second = call.send()
            let atOnce = try await [first, second]
            let later = try await call.send()
            #expect(Set(atOnce + [later]).count == 1, "\(call.name)")
        }

        @Test("Every call that changes something, sent twice at once and once more, has one effect")
        func all() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                let runtime = kubelet.runtime
                let image = try Lab.current.busybox
                try await expectOneEffect(Call("PullImage") { try await kubelet.pull(image) })
                try await expectOneEffect(Call("RunPodSandbox") { try await kubelet.runPod("one").id })
                let pod = try await kubelet.runPod("one")
                try await expectOneEffect(Call("CreateContainer") { try await kubelet.create("c", in: pod, "exec sleep 1000") })
                let id = try await kubelet.create("c", in: pod, "exec sleep 1000")
                let calls = [
                    Call("StartContainer") {
                        try await kubelet.start(id)
                        return "\(try await kubelet.status(id).startedAt)"
                    },
                    Call("UpdateContainerResources") {
                        _ = try await runtime.updateContainerResources(
                            .with {
                                $0.containerID = id
                                $0.linux.cpuShares = 512
                            })
                        return "\(try await kubelet.status(id).resources.linux.cpuShares)"
                    },
                    Call("UpdatePodSandboxResources") {
                        _ = try await runtime.updatePodSandboxResources(.with { $0.podSandboxID = pod.id })
                        return ""
                    },
                    Call("ReopenContainerLog") {
                        _ = try await runtime.reopenContainerLog(.with { $0.containerID = id })
                        return ""
                    },
                    Call("UpdateRuntimeConfig") {
                        _ = try await runtime.updateRuntimeConfig(.init())
                        return ""
                    },
                    Call("StopContainer") {
                        try await kubelet.stop(id)
                        let status = try await kubelet.status(id)
                        return "\(status.exitCode) \(status.finishedAt)"
                    },
                    Call("RemoveContainer") {
                        try await kubelet.remove(id)
                        return "\(try await runtime.listContainers(.init()).containers.count)"
                    },
                    Call("StopPodSandbox") {
                        _ = try await runtime.stopPodSandbox(.with { $0.podSandboxID = pod.id })
                        return "\(try await kubelet.runtime.listPodSandbox(.init()).items.map(\.state))"
                    },
                    Call("RemovePodSandbox") {
                        _ = try await runtime.removePodSandbox(.with { $0.podSandboxID = pod.id })
                        return "\(try await kubelet.runtime.listPodSandbox(.init()).items.count)"
                    },
                    Call("RemoveImage") {
                        _ = try await kubelet.images.removeImage(.with { $0.image.image = image })
                        return "\(try await kubelet.image(image) == nil)"
                    },
                ]
                for call in calls { try await expectOneEffect(call) }
                let covered = Set(calls.map(\.name) + ["PullImage", "RunPodSandbox", "CreateContainer"])
                #expect(Set(try ProtoFile.cri().calls.map(\.name)) == covered.union(Self.others))
            }
        }

        @Test("A start that is sent twice at once is a success to both, also where the process ends at once")
        func shortLived() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("pod")
                for number in 0..<5 {
                    let id = try await kubelet.create("c\(number)", in: pod, "exit 4")
                    async let first: Void = kubelet.start(id)
                    async let second: Void = kubelet.start(id)
                    _ = try await (first, second)
                    #expect(try await kubelet.exited(id).exitCode == 4)
                }
            }
        }
    }
}
