import CRI
import GRPCCore
import Node

extension RuntimeService {
    public func runPodSandbox(
        request: Runtime_V1_RunPodSandboxRequest, context: ServerContext
    ) async throws -> Runtime_V1_RunPodSandboxResponse {
        let id = try await node.runPod(request.config, handler: request.runtimeHandler)
        return .with { $0.podSandboxID = id }
    }

    public func stopPodSandbox(
        request: Runtime_V1_StopPodSandboxRequest, context: ServerContext
    ) async throws -> Runtime_V1_StopPodSandboxResponse {
        try await node.stopPod(request.podSandboxID)
        return Runtime_V1_StopPodSandboxResponse()
    }

    public func removePodSandbox(
        request: Runtime_V1_RemovePodSandboxRequest, context: ServerContext
    ) async throws -> Runtime_V1_RemovePodSandboxResponse {
        try await node.removePod(request.podSandboxID)
        return Runtime_V1_RemovePodSandboxResponse()
    }

    public func podSandboxStatus(
        request: Runtime_V1_PodSandboxStatusRequest, context: ServerContext
    ) async throws -> Runtime_V1_PodSandboxStatusResponse {
        let pod = try node.inventory.pod(request.podSandboxID)
        let info = request.verbose ? try await node.verboseInfo(of: pod) : [:]
        return .with {
            $0.status = pod.statusMessage
            $0.info = info
            // A kubelet with EventedPLEG takes a time for the sign that events are served, and what comes with it for all there is.
            if node.servesEvents {
                $0.containersStatuses = node.inventory.containers(ofPod: pod.id).map { $0.statusMessage(of: node) }
                $0.timestamp = Node.now()
            }
        }
    }

    public func listPodSandbox(
        request: Runtime_V1_ListPodSandboxRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListPodSandboxResponse {
        .with { $0.items = pods(request.hasFilter ? request.filter : nil) }
    }

    public func streamPodSandboxes(
        request: Runtime_V1_StreamPodSandboxesRequest, response: RPCWriter<Runtime_V1_StreamPodSandboxesResponse>,
        context: ServerContext
    ) async throws {
        for batch in pods(request.hasFilter ? request.filter : nil).batches() {
            try await response.write(.with { $0.podSandboxes = batch })
        }
    }

    public func updatePodSandboxResources(
        request: Runtime_V1_UpdatePodSandboxResourcesRequest, context: ServerContext
    ) async throws -> Runtime_V1_UpdatePodSandboxResourcesResponse {
        try await node.updatePodResources(
            request.podSandboxID, overhead: request.hasOverhead ? request.overhead : nil,
            resources: request.hasResources ? request.resources : nil)
        return Runtime_V1_UpdatePodSandboxResourcesResponse()
    }

    private func pods(_ filter: Runtime_V1_PodSandboxFilter?) -> [Runtime_V1_PodSandbox] {
        node.inventory.pods().filter { $0.matches(filter) }.map(\.listMessage)
    }
}

extension PodRecord {
    /// Whether the pod is one that the filter asks for; an id may be the beginning of one.
    func matches(_ filter: Runtime_V1_PodSandboxFilter?) -> Bool {
        guard phase != .creating else { return false }
        guard let filter else { return true }
        return id.hasPrefix(filter.id) && (!filter.hasState || filter.state.state == state)
            && filter.labelSelector.allSatisfy { config.labels[$0.key] == $0.value }
    }

    var listMessage: Runtime_V1_PodSandbox {
        .with {
            $0.id = id
            $0.metadata = config.metadata
            $0.state = state
            $0.createdAt = createdAt
            $0.labels = config.labels
            $0.annotations = config.annotations
            $0.runtimeHandler = requestedHandler
        }
    }

    var statusMessage: Runtime_V1_PodSandboxStatus {
        .with {
            $0.id = id
            $0.metadata = config.metadata
            $0.state = state
            $0.createdAt = createdAt
            $0.labels = config.labels
            $0.annotations = config.annotations
            $0.runtimeHandler = requestedHandler
            $0.linux.namespaces.options = namespaceOptions
            let ips = phase == .ready ? network?.ips ?? [] : []
            $0.network.ip = ips.first ?? ""
            $0.network.additionalIps = ips.dropFirst().map { ip in .with { $0.ip = ip } }
        }
    }
}
