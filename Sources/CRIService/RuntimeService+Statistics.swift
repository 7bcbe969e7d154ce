import CRI
import GRPCCore
import Node

extension RuntimeService {
    public func containerStats(
        request: Runtime_V1_ContainerStatsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ContainerStatsResponse {
        let stats = await node.statistics(of: try node.inventory.container(request.containerID))
        return .with { $0.stats = stats }
    }

    public func listContainerStats(
        request: Runtime_V1_ListContainerStatsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListContainerStatsResponse {
        let stats = await containerStatistics(request.hasFilter ? request.filter : nil)
        return .with { $0.stats = stats }
    }

    public func streamContainerStats(
        request: Runtime_V1_StreamContainerStatsRequest, response: RPCWriter<Runtime_V1_StreamContainerStatsResponse>,
        context: ServerContext
    ) async throws {
        for batch in await containerStatistics(request.hasFilter ? request.filter : nil).batches() {
            try await response.write(.with { $0.containerStats = batch })
        }
    }

    public func podSandboxStats(
        request: Runtime_V1_PodSandboxStatsRequest, context: ServerContext
    ) async throws -> Runtime_V1_PodSandboxStatsResponse {
        let stats = await node.statistics(of: try node.inventory.pod(request.podSandboxID))
        return .with { $0.stats = stats }
    }

    public func listPodSandboxStats(
        request: Runtime_V1_ListPodSandboxStatsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListPodSandboxStatsResponse {
        let stats = await podStatistics(request.hasFilter ? request.filter : nil)
        return .with { $0.stats = stats }
    }

    public func streamPodSandboxStats(
        request: Runtime_V1_StreamPodSandboxStatsRequest, response: RPCWriter<Runtime_V1_StreamPodSandboxStatsResponse>,
        context: ServerContext
    ) async throws {
        for batch in await podStatistics(request.hasFilter ? request.filter : nil).batches() {
            try await response.write(.with { $0.podSandboxStats = batch })
        }
    }

    private func containerStatistics(_ filter: Runtime_V1_ContainerStatsFilter?) async -> [Runtime_V1_ContainerStats] {
        var result: [Runtime_V1_ContainerStats] = []
        for container in node.inventory.containers() where container.matches(filter?.containerFilter) {
            result.append(await node.statistics(of: container))
        }
        return result
    }

    private func podStatistics(_ filter: Runtime_V1_PodSandboxStatsFilter?) async -> [Runtime_V1_PodSandboxStats] {
        var result: [Runtime_V1_PodSandboxStats] = []
        for pod in node.inventory.pods() where pod.matches(filter?.podFilter) { result.append(await node.statistics(of: pod)) }
        return result
    }
}

extension Runtime_V1_ContainerStatsFilter {
    fileprivate var containerFilter: Runtime_V1_ContainerFilter {
        .with {
            $0.id = id
            $0.podSandboxID = podSandboxID
            $0.labelSelector = labelSelector
        }
    }
}

extension Runtime_V1_PodSandboxStatsFilter {
    fileprivate var podFilter: Runtime_V1_PodSandboxFilter {
        .with {
            $0.id = id
            $0.labelSelector = labelSelector
        }
    }
}
