import CRI
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Testing

/// A client of the daemon that asks as the kubelet does.
struct Kubelet: Sendable {
    typealias Transport = HTTP2ClientTransport.Posix

    let runtime: Runtime_V1_RuntimeService.Client<Transport>
    let images: Runtime_V1_ImageService.Client<Transport>
    /// Where the containers' logs go.
    let logs: String
    /// The cgroup above every pod.
    let cgroupParent: String

    /// A transport that finds a daemon started again within milliseconds, and that ends no test by waiting for ever.
    static func transport(to socket: String) throws -> Transport {
        // grpc-swift's client goes by the limit for requests when it reads responses; ExecSync's may have 16 MiB of each stream.
        let patient = MethodConfig(names: [.init(service: "")], waitForReady: true, timeout: .seconds(60), maxRequestMessageBytes: 40 << 20)
        return try Transport(
            target: .unixDomainSocket(path: socket), transportSecurity: .plaintext,
            config: .defaults { $0.backoff = .init(initial: .milliseconds(20), max: .milliseconds(50), multiplier: 1, jitter: 0) },
            serviceConfig: ServiceConfig(methodConfig: [patient]))
    }
}

extension Kubelet {
    /// Waits until the daemon answers. The first call may be given to the connection that the last daemon left behind.
    func served() async throws {
        try await eventually("the daemon serves") { await failure { try await runtime.version(.init()) } == nil }
    }
}

/// A pod of a test.
struct TestPod: Sendable {
    let id: String
    let configuration: Runtime_V1_PodSandboxConfig
}

extension Kubelet {
    /// What a pod named `name` asks for by default.
    func podConfiguration(
        _ name: String, _ change: (inout Runtime_V1_PodSandboxConfig) -> Void = { _ in }
    ) -> Runtime_V1_PodSandboxConfig {
        var configuration = Runtime_V1_PodSandboxConfig.with {
            $0.metadata = .with {
                $0.name = name
                $0.uid = "\(name)-uid"
                $0.namespace = "tests"
            }
            $0.hostname = name
            $0.logDirectory = "\(logs)/\(name)"
            $0.labels = ["app": name, "suite": "integration"]
            $0.linux.cgroupParent = cgroupParent
            $0.linux.securityContext.namespaceOptions.pid = .container
        }
        change(&configuration)
        return configuration
    }

    func runPod(_ name: String, _ change: (inout Runtime_V1_PodSandboxConfig) -> Void = { _ in }) async throws -> TestPod {
        let configuration = podConfiguration(name, change)
        let response = try await runtime.runPodSandbox(.with { $0.config = configuration })
        return TestPod(id: response.podSandboxID, configuration: configuration)
    }

    func removePod(_ id: String) async throws {
        _ = try await runtime.stopPodSandbox(.with { $0.podSandboxID = id })
        _ = try await runtime.removePodSandbox(.with { $0.podSandboxID = id })
    }

    func removeAllPods() async throws {
        for pod in try await runtime.listPodSandbox(.init()).items { try await removePod(pod.id) }
    }

    func status(pod: String) async throws -> Runtime_V1_PodSandboxStatus {
        try await runtime.podSandboxStatus(.with { $0.podSandboxID = pod }).status
    }
}

extension Kubelet {
    /// What a container named `name` that runs a shell script asks for by default.
    func containerConfiguration(
        _ name: String, _ script: String, _ change: (inout Runtime_V1_ContainerConfig) -> Void = { _ in }
    ) throws -> Runtime_V1_ContainerConfig {
        let image = try Lab.current.busybox
        var configuration = Runtime_V1_ContainerConfig.with {
            $0.metadata = .with { $0.name = name }
            $0.image = .with { $0.image = image }
            $0.command = ["/bin/sh", "-c", script]
            $0.logPath = "\(name).log"
            $0.labels = ["container": name]
            $0.linux.securityContext.namespaceOptions.pid = .container
        }
        change(&configuration)
        return configuration
    }

    /// Creates a container that runs a shell script.
    /// - Returns: its id.
    func create(
        _ name: String, in pod: TestPod, _ script: String, _ change: (inout Runtime_V1_ContainerConfig) -> Void = { _ in }
    ) async throws -> String {
        let configuration = try containerConfiguration(name, script, change)
        let response = try await runtime.createContainer(
            .with {
                $0.podSandboxID = pod.id
                $0.sandboxConfig = pod.configuration
                $0.config = configuration
            })
        return response.containerID
    }

    func start(_ id: String) async throws {
        _ = try await runtime.startContainer(.with { $0.containerID = id })
    }

    /// Creates and starts a container that runs a shell script.
    /// - Returns: its id.
    func run(
        _ name: String, in pod: TestPod, _ script: String, _ change: (inout Runtime_V1_ContainerConfig) -> Void = { _ in }
    ) async throws -> String {
        let id = try await create(name, in: pod, script, change)
        try await start(id)
        return id
    }

    func stop(_ id: String, grace: Int64 = 0) async throws {
        _ = try await runtime.stopContainer(
            .with {
                $0.containerID = id
                $0.timeout = grace
            })
    }

    /// The first process of a container as the host numbers it; nil where the daemon knows of none.
    func hostProcess(of id: String) async throws -> Int32? {
        struct Info: Decodable { let pid: Int32 }
        let response = try await runtime.containerStatus(
            .with {
                $0.containerID = id
                $0.verbose = true
            })
        let pid = try JSONDecoder().decode(Info.self, from: Data((response.info["info"] ?? "").utf8)).pid
        return pid > 0 ? pid : nil
    }

    func remove(_ id: String) async throws {
        _ = try await runtime.removeContainer(.with { $0.containerID = id })
    }

    func status(_ id: String) async throws -> Runtime_V1_ContainerStatus {
        try await runtime.containerStatus(.with { $0.containerID = id }).status
    }

    /// Waits until the container has exited.
    func exited(_ id: String) async throws -> Runtime_V1_ContainerStatus {
        try await eventually("container \(id.prefix(12)) exits") { try await status(id).state == .containerExited }
        return try await status(id)
    }

    /// Runs a shell script in a container. A timeout of 0 seconds is none.
    func exec(_ id: String, _ script: String, timeout: Int64 = 0) async throws -> Runtime_V1_ExecSyncResponse {
        try await runtime.execSync(
            .with {
                $0.containerID = id
                $0.cmd = ["/bin/sh", "-c", script]
                $0.timeout = timeout
            })
    }

    /// The output of a shell script in a container, without the last line's end.
    func output(_ id: String, _ script: String) async throws -> String {
        let text = String(decoding: try await exec(id, script).stdout, as: UTF8.self)
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    func pull(_ image: String) async throws -> String {
        try await images.pullImage(.with { $0.image.image = image }).imageRef
    }

    /// What the daemon knows of an image; nil where it does not have it.
    func image(_ name: String) async throws -> Runtime_V1_Image? {
        let response = try await images.imageStatus(.with { $0.image.image = name })
        return response.hasImage ? response.image : nil
    }
}

/// The gRPC status code with which `body` fails; nil where it succeeds or fails otherwise.
func failure(_ body: () async throws -> some Sendable) async -> RPCError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? RPCError
    }
}
