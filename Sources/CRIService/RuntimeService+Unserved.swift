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
}
