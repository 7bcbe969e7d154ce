import CRI
import GRPCCore
import Testing

extension Integration {
    @Suite struct Metrics {
        @Test("Every metric of a running container is described, with as many labels as it has")
        func metrics() async throws {
            try await Daemon.duringPod { daemon, pod in
                let kubelet = daemon.kubelet
                let id = try await kubelet.run("c", in: pod, "exec sleep 1000") { $0.linux.resources.memoryLimitInBytes = 64 << 20 }
                let descriptors = try await kubelet.runtime.listMetricDescriptors(.init()).descriptors
                let listed = try await kubelet.runtime.listPodSandboxMetrics(.init()).podMetrics
                #expect(listed.map(\.podSandboxID) == [pod.id] && listed.first?.containerMetrics.map(\.containerID) == [id])
                let metrics = listed.flatMap { $0.metrics + $0.containerMetrics.flatMap(\.metrics) }
                for metric in metrics {
                    #expect(descriptors.first { $0.name == metric.name }?.labelKeys.count == metric.labelValues.count, "\(metric.name)")
                }
                func values(_ name: String) -> [UInt64] { metrics.filter { $0.name == name }.map(\.value.value) }
                #expect(values("container_spec_memory_limit_bytes") == [64 << 20])
                #expect(values("container_processes") == [1] && values("container_threads") == [1])
                #expect(values("container_network_receive_bytes_total").count == 1)
                #expect(values("container_memory_usage_bytes").first ?? 0 > 0 && values("container_fs_limit_bytes").first ?? 0 > 0)

                let streamed = try await kubelet.runtime.streamPodSandboxMetrics(.init()) { response in
                    try await response.messages.reduce(into: []) { $0 += $1.podSandboxMetrics.map(\.podSandboxID) }
                }
                #expect(streamed == [pod.id])
                try await kubelet.stop(id)
                #expect(try await kubelet.runtime.listPodSandboxMetrics(.init()).podMetrics.map(\.containerMetrics) == [[]])
            }
        }

        @Test("included_pod_metrics chooses the groups, at a reload, too")
        func chosen() async throws {
            try await Daemon.during(networked: false) { daemon in
                try await daemon.reload("[crio.stats]\nincluded_pod_metrics = [\"oom\"]\n")
                let names = try await daemon.kubelet.runtime.listMetricDescriptors(.init()).descriptors.map(\.name)
                #expect(names == ["container_last_seen", "container_oom_events_total"])
                try await daemon.reload("[crio.stats]\nincluded_pod_metrics = [\"all\", \"oom\"]\n", says: "reloading failed")
            }
        }

        @Test("A pod without a cgroup of its own uses what its containers use")
        func statisticsWithoutParent() async throws {
            try await Daemon.duringPod({ $0.linux.cgroupParent = "" }) { daemon, pod in
                let kubelet = daemon.kubelet
                let ids = [
                    try await kubelet.run("one", in: pod, "exec sleep 1000"), try await kubelet.run("two", in: pod, "exec sleep 1000"),
                ]
                let stats = try await kubelet.runtime.podSandboxStats(.with { $0.podSandboxID = pod.id }).stats.linux
                #expect(Set(stats.containers.map(\.attributes.id)) == Set(ids) && stats.process.processCount.value == 2)
                #expect(stats.hasCpu && stats.cpu.usageCoreNanoSeconds.value > 0)
                // Nothing else runs: both sleep, and what they have used stays.
                #expect(stats.cpu.usageCoreNanoSeconds.value == stats.containers.reduce(0) { $0 + $1.cpu.usageCoreNanoSeconds.value })
                #expect(stats.memory.workingSetBytes.value > 0)
            }
        }
    }
}
