import CRI
import CRIService
import DaemonConfiguration
import Logging
import Node

/// Joins the streaming server to the node.
struct StreamingHost: StreamingURLs {
    init(configuration: Configuration, node: Node, logger: Logger) async throws {}

    func exec(_ request: Runtime_V1_ExecRequest) async throws -> String { throw NodeError.unimplemented("exec is not served yet") }
    func attach(_ request: Runtime_V1_AttachRequest) async throws -> String { throw NodeError.unimplemented("attach is not served yet") }
    func portForward(_ request: Runtime_V1_PortForwardRequest) async throws -> String {
        throw NodeError.unimplemented("port-forward is not served yet")
    }

    func shutdown() async {}
}
