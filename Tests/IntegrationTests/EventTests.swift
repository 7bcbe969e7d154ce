import CRI
import GRPCCore
import Synchronization
import Testing

extension Integration {
    @Suite struct Events {
        /// One that subscribed and writes down what it is told.
        private final class Subscriber: Sendable {
            private let seen = Mutex<[Runtime_V1_ContainerEventResponse]>([])
            private let task = Mutex<Task<Void, any Error>?>(nil)

            var events: [Runtime_V1_ContainerEventResponse] { seen.withLock { $0 } }

            /// Waits until the daemon tells it what happens.
            init(_ kubelet: Kubelet) async throws {
                let reading = Task { [self] in
                    try await kubelet.runtime.getContainerEvents(.init()) { response in
                        for try await event in response.messages { self.take(event) }
                    }
                }
                task.withLock { $0 = reading }
                try await eventually("there is a subscription") {
                    let probe = try await kubelet.runPod("probe")
                    try await kubelet.removePod(probe.id)
                    return !events.isEmpty
                }
            }

            private func take(_ event: Runtime_V1_ContainerEventResponse) { seen.withLock { $0.append(event) } }

            /// What it was told of a pod, once that has been deleted.
            func life(ofPod id: String) async throws -> [Runtime_V1_ContainerEventResponse] {
                try await eventually("the pod's end is told") {
                    events.contains { $0.containerID == id && $0.containerEventType == .containerDeletedEvent }
                }
                return events.filter { $0.podSandboxStatus.id == id }
            }

            func leave() async {
                let reading = task.withLock { $0 }
                reading?.cancel()
                _ = await reading?.result
            }
        }

        @Test("A pod's life is told in its order, with the states of that moment")
        func life() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                try await daemon.reload("[crio.runtime]\nenable_pod_events = true\n")
                _ = try await kubelet.pull(Lab.current.busybox)
                let subscriber = try await Subscriber(kubelet)
                let pod = try await kubelet.runPod("pod")
                let id = try await kubelet.run("c", in: pod, "exit 3")
                let ended = try await kubelet.exited(id)
                try await kubelet.remove(id)
                try await kubelet.removePod(pod.id)
                let told = try await subscriber.life(ofPod: pod.id)
                await subscriber.leave()

                let kinds: [Runtime_V1_ContainerEventType] = [
                    .containerCreatedEvent, .containerStartedEvent, .containerStoppedEvent, .containerDeletedEvent,
                ]
                #expect(told.filter { $0.containerID == id }.map(\.containerEventType) == kinds)
                #expect(told.filter { $0.containerID == pod.id }.map(\.containerEventType) == kinds)
                #expect(told.prefix(2).allSatisfy { $0.containerID == pod.id } && told.suffix(2).allSatisfy { $0.containerID == pod.id })
                #expect(told.map(\.createdAt) == told.map(\.createdAt).sorted() && told[0].createdAt > 1_600_000_000_000_000_000)
                #expect(told.allSatisfy { $0.podSandboxStatus.metadata == pod.configuration.metadata })
                #expect(told[1].podSandboxStatus.state == .sandboxReady && told[1].podSandboxStatus.network.ip.isEmpty == false)
                #expect(told.last?.podSandboxStatus.state == .sandboxNotready && told.last?.containersStatuses.isEmpty == true)
                let stopped = told.first { $0.containerID == id && $0.containerEventType == .containerStoppedEvent }
                #expect(stopped?.containersStatuses.first?.exitCode == 3)
                #expect(stopped?.containersStatuses == [ended])
            }
        }

        @Test("A subscriber that leaves takes nothing from the others, and one that stays does not keep the daemon from ending")
        func leaving() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                try await daemon.reload("[crio.runtime]\nenable_pod_events = true\n")
                let (leaving, staying) = (try await Subscriber(kubelet), try await Subscriber(kubelet))
                await leaving.leave()
                let before = leaving.events.count
                let pod = try await kubelet.runPod("pod")
                try await kubelet.removePod(pod.id)
                #expect(try await staying.life(ofPod: pod.id).count == 4)
                #expect(leaving.events.count == before)
                #expect(try await daemon.end() == .exited(0))
                await staying.leave()
            }
        }

        @Test("Without enable_pod_events the kubelet is told to list, and a pod's status does not say that events are served")
        func turnedOff() async throws {
            try await Daemon.during(networked: false) { daemon in
                let kubelet = daemon.kubelet
                let error = await failure {
                    try await kubelet.runtime.getContainerEvents(.init()) { response in
                        for try await _ in response.messages {}
                    }
                }
                #expect(error?.code == .unimplemented && error?.message.contains("enable_pod_events") == true)
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("pod") { $0.linux.securityContext.namespaceOptions.network = .node }
                _ = try await kubelet.run("c", in: pod, "sleep 1000")
                let without = try await kubelet.runtime.podSandboxStatus(.with { $0.podSandboxID = pod.id })
                #expect(without.timestamp == 0 && without.containersStatuses.isEmpty)
                try await daemon.reload("[crio.runtime]\nenable_pod_events = true\n")
                let with = try await kubelet.runtime.podSandboxStatus(.with { $0.podSandboxID = pod.id })
                #expect(with.timestamp > 0 && with.containersStatuses.count == 1)
            }
        }
    }
}
