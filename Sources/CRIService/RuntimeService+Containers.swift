import CRI
import GRPCCore
import Node

extension RuntimeService {
    public func createContainer(
        request: Runtime_V1_CreateContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_CreateContainerResponse {
        let id = try await node.createContainer(
            inPod: request.podSandboxID, request.config, podConfig: request.hasSandboxConfig ? request.sandboxConfig : nil)
        return .with { $0.containerID = id }
    }

    public func startContainer(
        request: Runtime_V1_StartContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_StartContainerResponse {
        try await node.startContainer(request.containerID)
        return Runtime_V1_StartContainerResponse()
    }

    public func stopContainer(
        request: Runtime_V1_StopContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_StopContainerResponse {
        try await node.stopContainer(request.containerID, grace: .bounded(seconds: request.timeout))
        return Runtime_V1_StopContainerResponse()
    }

    public func removeContainer(
        request: Runtime_V1_RemoveContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_RemoveContainerResponse {
        try await node.removeContainer(request.containerID)
        return Runtime_V1_RemoveContainerResponse()
    }

    public func listContainers(
        request: Runtime_V1_ListContainersRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListContainersResponse {
        .with { $0.containers = containers(request.hasFilter ? request.filter : nil) }
    }

    public func streamContainers(
        request: Runtime_V1_StreamContainersRequest, response: RPCWriter<Runtime_V1_StreamContainersResponse>,
        context: ServerContext
    ) async throws {
        for batch in containers(request.hasFilter ? request.filter : nil).batches() {
            try await response.write(.with { $0.containers = batch })
        }
    }

    public func containerStatus(
        request: Runtime_V1_ContainerStatusRequest, context: ServerContext
    ) async throws -> Runtime_V1_ContainerStatusResponse {
        let container = try node.inventory.container(request.containerID)
        let info = request.verbose ? try await node.verboseInfo(of: container) : [:]
        return .with {
            $0.status = container.statusMessage(of: node)
            $0.info = info
        }
    }

    public func updateContainerResources(
        request: Runtime_V1_UpdateContainerResourcesRequest, context: ServerContext
    ) async throws -> Runtime_V1_UpdateContainerResourcesResponse {
        try await node.updateContainerResources(request.containerID, request.linux)
        return Runtime_V1_UpdateContainerResourcesResponse()
    }

    public func reopenContainerLog(
        request: Runtime_V1_ReopenContainerLogRequest, context: ServerContext
    ) async throws -> Runtime_V1_ReopenContainerLogResponse {
        try await node.reopenLog(request.containerID)
        return Runtime_V1_ReopenContainerLogResponse()
    }

    public func checkpointContainer(
        request: Runtime_V1_CheckpointContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_CheckpointContainerResponse {
        try await node.checkpointContainer(
            request.containerID, location: request.location, timeout: request.timeout > 0 ? .bounded(seconds: request.timeout) : nil)
        return Runtime_V1_CheckpointContainerResponse()
    }

    public func execSync(
        request: Runtime_V1_ExecSyncRequest, context: ServerContext
    ) async throws -> Runtime_V1_ExecSyncResponse {
        // A command whose answer nobody will read is ended, as CRI-O and containerd do: probes would pile up in the container.
        let result = try await endingWithCaller { [node] in
            try await node.execSync(
                request.containerID, request.cmd, timeout: request.timeout > 0 ? .bounded(seconds: request.timeout) : nil)
        }
        return .with {
            $0.stdout = result.stdout
            $0.stderr = result.stderr
            $0.exitCode = result.exitCode
        }
    }

    private func containers(_ filter: Runtime_V1_ContainerFilter?) -> [Runtime_V1_Container] {
        node.inventory.containers().filter { $0.matches(filter) }.map(\.listMessage)
    }
}

extension ContainerRecord {
    /// Whether the container is one that the filter asks for; ids may be the beginnings of ones.
    func matches(_ filter: Runtime_V1_ContainerFilter?) -> Bool {
        guard phase != .creating else { return false }
        guard let filter else { return true }
        return id.hasPrefix(filter.id) && podID.hasPrefix(filter.podSandboxID)
            && (!filter.hasState || filter.state.state == state)
            && filter.labelSelector.allSatisfy { config.labels[$0.key] == $0.value }
    }

    var listMessage: Runtime_V1_Container {
        .with {
            $0.id = id
            $0.podSandboxID = podID
            $0.metadata = config.metadata
            $0.image = config.image
            $0.imageRef = imageReference
            $0.imageID = imageID
            $0.state = state
            $0.createdAt = createdAt
            $0.labels = config.labels
            $0.annotations = config.annotations
        }
    }

    func statusMessage(of node: Node) -> Runtime_V1_ContainerStatus {
        .with {
            $0.id = id
            $0.metadata = config.metadata
            $0.state = state
            $0.createdAt = createdAt
            $0.startedAt = startedAt
            $0.image = config.image
            $0.imageRef = imageReference
            $0.imageID = imageID
            $0.labels = config.labels
            $0.annotations = config.annotations
            $0.mounts = mounts.mounts
            $0.logPath = logPath
            $0.resources.linux = node.resourcesInForce(of: self)
            $0.user = user
            $0.stopSignal = config.stopSignal == .runtimeDefault ? node.stopSignalMessage(of: self) : config.stopSignal
            if let exit {
                $0.finishedAt = exit.finishedAt
                $0.exitCode = exit.code
                $0.reason = exit.reason
                $0.message = exit.message
            }
        }
    }
}

extension ContainerExit {
    /// The reason as the kubelet knows it.
    var reason: String { outOfMemory ? "OOMKilled" : code == 0 ? "Completed" : "Error" }
}

extension Array {
    /// The elements in portions that stay well under gRPC's message limit.
    func batches(of size: Int = 100) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
