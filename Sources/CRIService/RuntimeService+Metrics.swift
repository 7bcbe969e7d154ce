import CRI
import GRPCCore
import Node

extension RuntimeService {
    public func listMetricDescriptors(
        request: Runtime_V1_ListMetricDescriptorsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListMetricDescriptorsResponse {
        .with { $0.descriptors = node.metricDescriptors() }
    }

    public func listPodSandboxMetrics(
        request: Runtime_V1_ListPodSandboxMetricsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListPodSandboxMetricsResponse {
        var metrics: [Runtime_V1_PodSandboxMetrics] = []
        for pod in node.inventory.pods() where pod.matches(nil) { metrics.append(await node.metrics(of: pod)) }
        return .with { $0.podMetrics = metrics }
    }

    public func streamPodSandboxMetrics(
        request: Runtime_V1_StreamPodSandboxMetricsRequest, response: RPCWriter<Runtime_V1_StreamPodSandboxMetricsResponse>,
        context: ServerContext
    ) async throws {
        // Ten at a time: a pod has hundreds of metrics.
        for batch in node.inventory.pods().filter({ $0.matches(nil) }).batches(of: 10) {
            var metrics: [Runtime_V1_PodSandboxMetrics] = []
            for pod in batch { metrics.append(await node.metrics(of: pod)) }
            try await response.write(.with { $0.podSandboxMetrics = metrics })
        }
    }
}
