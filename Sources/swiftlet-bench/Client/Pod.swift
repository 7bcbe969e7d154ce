import CRI

/// A pod that runs: what later calls about it need.
struct Pod: Sendable {
    let id: String
    let configuration: Runtime_V1_PodSandboxConfig
}

extension Connection {
    /// What the kubelet asks for unless a pod says otherwise: one network and IPC namespace a pod, a PID namespace a container.
    private static let namespaces = Runtime_V1_NamespaceOption.with { $0.pid = .container }

    /// Runs a pod named `name`, whose containers log beneath `logs`.
    func runPod(_ name: String, logs: String) async throws -> Pod {
        let configuration = Runtime_V1_PodSandboxConfig.with {
            $0.metadata = .with {
                $0.name = name
                $0.uid = "\(name)-uid"
                $0.namespace = "default"
            }
            $0.hostname = name
            $0.logDirectory = "\(logs)/\(name)"
            $0.linux.securityContext.namespaceOptions = Connection.namespaces
        }
        let response = try await runtime.runPodSandbox(.with { $0.config = configuration })
        return Pod(id: response.podSandboxID, configuration: configuration)
    }

    /// Creates and starts a container that runs `command` in `pod`.
    /// - Returns: the container's id.
    func startContainer(_ name: String, in pod: Pod, image: String, command: [String]) async throws -> String {
        let created = try await runtime.createContainer(
            .with {
                $0.podSandboxID = pod.id
                $0.sandboxConfig = pod.configuration
                $0.config = .with {
                    $0.metadata = .with { $0.name = name }
                    $0.image = .with { $0.image = image }
                    $0.command = command
                    $0.logPath = "\(name).log"
                    $0.linux.securityContext.namespaceOptions = Connection.namespaces
                }
            })
        _ = try await runtime.startContainer(.with { $0.containerID = created.containerID })
        return created.containerID
    }

    /// Stops and removes a pod with all its containers.
    func removePod(_ id: String) async throws {
        _ = try await runtime.stopPodSandbox(.with { $0.podSandboxID = id })
        _ = try await runtime.removePodSandbox(.with { $0.podSandboxID = id })
    }
}
