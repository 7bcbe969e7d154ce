import CRI
import GRPCCore
import Node

/// runtime.v1.RuntimeService. Each method checks the request, calls the node and translates the answer; nothing is
/// kept here. The methods stand by subject in the files of this folder.
public struct RuntimeService: Runtime_V1_RuntimeService.SimpleServiceProtocol {
    let node: Node
    let version: String
    let streaming: (any StreamingURLs)?

    /// - Parameters:
    ///   - version: the daemon's own.
    ///   - streaming: where exec, attach and port-forward are served; without it they are not.
    public init(node: Node, version: String, streaming: (any StreamingURLs)?) {
        self.node = node
        self.version = version
        self.streaming = streaming
    }

    public func version(
        request: Runtime_V1_VersionRequest, context: ServerContext
    ) async throws -> Runtime_V1_VersionResponse {
        .with {
            $0.version = "0.1.0"
            $0.runtimeName = "swiftlet"
            $0.runtimeVersion = version
            $0.runtimeApiVersion = "v1"
        }
    }

    public func status(request: Runtime_V1_StatusRequest, context: ServerContext) async throws -> Runtime_V1_StatusResponse {
        let status = await node.status(verbose: request.verbose)
        return .with {
            $0.status.conditions = [
                .with {
                    $0.type = "RuntimeReady"
                    $0.status = true
                },
                .with {
                    $0.type = "NetworkReady"
                    $0.status = status.networkReady
                    $0.reason = status.networkReason
                    $0.message = status.networkMessage
                },
            ]
            $0.runtimeHandlers = status.handlers
            $0.features = status.features
            $0.info = status.info
        }
    }

    public func runtimeConfig(
        request: Runtime_V1_RuntimeConfigRequest, context: ServerContext
    ) async throws -> Runtime_V1_RuntimeConfigResponse {
        .with { $0.linux.cgroupDriver = node.usesSystemdCgroups ? .systemd : .cgroupfs }
    }

    public func updateRuntimeConfig(
        request: Runtime_V1_UpdateRuntimeConfigRequest, context: ServerContext
    ) async throws -> Runtime_V1_UpdateRuntimeConfigResponse {
        // The pod CIDR is the business of the CNI plugins here, as with CRI-O: accepted and without effect.
        Runtime_V1_UpdateRuntimeConfigResponse()
    }
}
