import CRI
import Testing

extension Integration {
    /// What a kubelet reads without looking whether it is there: pkg/kubelet/stats/cri_stats_provider*.go, pkg/kubelet/kuberuntime,
    /// pkg/kubelet/pleg and pkg/kubelet/metrics/collectors of Kubernetes 1.35.
    @Suite struct WhatAKubeletReads {
        private func check(_ stats: Runtime_V1_ContainerStats, _ place: String) {
            #expect(stats.hasAttributes && stats.attributes.hasMetadata && !stats.attributes.id.isEmpty, "\(place)")
            #expect(!stats.hasWritableLayer || (stats.writableLayer.hasFsID && stats.writableLayer.hasUsedBytes), "\(place)")
            #expect(!stats.hasCpu || stats.cpu.timestamp > 0, "\(place)")
        }

        private func check(_ stats: Runtime_V1_PodSandboxStats, _ place: String) {
            // linux.containers is walked in any case.
            #expect(stats.hasAttributes && stats.attributes.hasMetadata && stats.hasLinux, "\(place)")
            #expect(!stats.linux.hasNetwork || stats.linux.network.hasDefaultInterface, "\(place)")
            for container in stats.linux.containers { check(container, place) }
        }

        private func check(_ status: Runtime_V1_PodSandboxStatus, _ place: String) {
            #expect(status.hasMetadata && status.hasNetwork && status.linux.namespaces.hasOptions, "\(place)")
        }

        private func check(_ status: Runtime_V1_ContainerStatus, _ place: String) {
            #expect(status.hasMetadata && status.hasImage && !status.imageRef.isEmpty, "\(place)")
        }

        private func checkAll(_ kubelet: Kubelet, _ place: String) async throws {
            let runtime = kubelet.runtime
            for pod in try await runtime.listPodSandbox(.init()).items {
                #expect(pod.hasMetadata, "\(place)")
                check(try await runtime.podSandboxStats(.with { $0.podSandboxID = pod.id }).stats, place)
                let status = try await runtime.podSandboxStatus(.with { $0.podSandboxID = pod.id })
                check(status.status, place)
                for container in status.containersStatuses { check(container, place) }
            }
            for container in try await runtime.listContainers(.init()).containers {
                #expect(container.hasMetadata && container.hasImage, "\(place)")
                check(try await runtime.containerStats(.with { $0.containerID = container.id }).stats, place)
                check(try await kubelet.status(container.id), place)
            }
            for stats in try await runtime.listContainerStats(.init()).stats { check(stats, place) }
            for stats in try await runtime.listPodSandboxStats(.init()).stats { check(stats, place) }
            for pod in try await runtime.listPodSandboxMetrics(.init()).podMetrics {
                let metrics = pod.metrics + pod.containerMetrics.flatMap(\.metrics)
                #expect(metrics.allSatisfy { $0.hasValue }, "\(place)")
            }
            let disks = try await kubelet.images.imageFsInfo(.init())
            let usages = disks.imageFilesystems + disks.containerFilesystems
            #expect(!disks.imageFilesystems.isEmpty && usages.allSatisfy { $0.hasUsedBytes && $0.hasFsID })
        }

        @Test("It is there, or the message around it is absent, in every state of a pod and a container")
        func states() async throws {
            try await Daemon.during(configuration: "[crio.stats]\nincluded_pod_metrics = [\"all\"]") { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                try await checkAll(kubelet, "empty")
                let pod = try await kubelet.runPod("pod")
                let host = try await kubelet.runPod("host") { $0.linux.securityContext.namespaceOptions.network = .node }
                try await checkAll(kubelet, "pods without containers")
                for (number, pod) in [pod, host].enumerated() {
                    _ = try await kubelet.create("created", in: pod, "exec sleep 1000")
                    _ = try await kubelet.run("running", in: pod, "exec sleep 1000")
                    let ended = try await kubelet.run("ended", in: pod, "exit 1")
                    _ = try await kubelet.exited(ended)
                    try await checkAll(kubelet, "containers in pod \(number)")
                }
                let stats = try await kubelet.runtime.podSandboxStats(.with { $0.podSandboxID = host.id }).stats
                #expect(!stats.linux.hasNetwork, "a pod in the host's network has none of its own")
                let own = try await kubelet.runtime.podSandboxStats(.with { $0.podSandboxID = pod.id }).stats
                #expect(own.linux.network.defaultInterface.name == "eth0")
                for pod in [pod, host] { _ = try await kubelet.runtime.stopPodSandbox(.with { $0.podSandboxID = pod.id }) }
                try await checkAll(kubelet, "stopped pods")
            }
        }
    }
}
