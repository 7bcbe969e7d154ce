import CRI
import GRPCCore
import Node

extension RuntimeService {
    public func getContainerEvents(
        request: Runtime_V1_GetEventsRequest, response: RPCWriter<Runtime_V1_ContainerEventResponse>, context: ServerContext
    ) async throws {
        for try await event in try node.events() { try await response.write(event.message(of: node)) }
    }
}

extension NodeEvent {
    func message(of node: Node) -> Runtime_V1_ContainerEventResponse {
        .with {
            $0.containerID = id
            $0.containerEventType = kind.message
            $0.createdAt = time
            $0.podSandboxStatus = pod.statusMessage
            $0.containersStatuses = containers.map { $0.statusMessage(of: node) }
        }
    }
}

extension NodeEvent.Kind {
    var message: Runtime_V1_ContainerEventType {
        switch self {
        case .created: .containerCreatedEvent
        case .started: .containerStartedEvent
        case .stopped: .containerStoppedEvent
        case .deleted: .containerDeletedEvent
        }
    }
}
