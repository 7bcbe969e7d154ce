import CRI
import GRPCCore
import Node

// What is not yet served says so.
extension RuntimeService {
    private func unserved(_ what: String) -> NodeError { .unimplemented("\(what) is not served by this version of swiftlet") }

    public func checkpointPod(
        request: Runtime_V1_CheckpointPodRequest, context: ServerContext
    ) async throws -> Runtime_V1_CheckpointPodResponse { throw unserved("CheckpointPod") }

    public func restorePod(
        request: Runtime_V1_RestorePodRequest, context: ServerContext
    ) async throws -> Runtime_V1_RestorePodResponse { throw unserved("RestorePod") }

    public func listMetricDescriptors(
        request: Runtime_V1_ListMetricDescriptorsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListMetricDescriptorsResponse { throw unserved("ListMetricDescriptors") }

    public func listPodSandboxMetrics(
        request: Runtime_V1_ListPodSandboxMetricsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListPodSandboxMetricsResponse { throw unserved("ListPodSandboxMetrics") }

    public func streamPodSandboxMetrics(
        request: Runtime_V1_StreamPodSandboxMetricsRequest, response: RPCWriter<Runtime_V1_StreamPodSandboxMetricsResponse>,
        context: ServerContext
    ) async throws { throw unserved("StreamPodSandboxMetrics") }
}
