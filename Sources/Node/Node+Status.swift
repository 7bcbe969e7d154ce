import CRI
import FoundationEssentials
import Images
import Linux
import Networking
import OCIRuntime

/// What the node says of itself.
public struct NodeStatus: Sendable {
    public let networkReady: Bool
    public let networkReason: String
    public let networkMessage: String
    public let handlers: [Runtime_V1_RuntimeHandler]
    public let features: Runtime_V1_RuntimeFeatures
    public let info: [String: String]
}

extension Node {
    /// CRI, Status.
    public func status(verbose: Bool) async -> NodeStatus {
        var reason = ""
        var message = ""
        if case .notReady(let why, let text) = await network.status() { (reason, message) = (why, text) }
        return NodeStatus(
            networkReady: reason.isEmpty, networkReason: reason, networkMessage: message, handlers: await handlerMessages(),
            features: .with { $0.supplementalGroupsPolicy = true }, info: verbose ? ["config": ConfigurationInfo.json(settings)] : [:])
    }

    private func handlerMessages() async -> [Runtime_V1_RuntimeHandler] {
        var messages: [Runtime_V1_RuntimeHandler] = []
        let userNamespaces = await userNamespaces.value
        // The default handler is listed once more under no name.
        for name in [""] + runtimes.names {
            guard let runtime = try? runtimes.runtime(name) else { continue }
            let features = await runtimes.features.features(of: runtime)
            messages.append(
                .with {
                    $0.name = name
                    $0.features.recursiveReadOnlyMounts = settings.host.recursiveReadOnly && features.recursiveReadOnly
                    $0.features.userNamespaces = userNamespaces.refusal(handler: runtime.handler.name) == nil
                })
        }
        return messages
    }

    /// CRI, PodSandboxStatus with verbose: the pod's timeline and what the node holds for it.
    public func verboseInfo(of pod: PodRecord) async throws -> [String: String] {
        struct Info: Encodable {
            var runtimeHandler: String
            var namespaces: PinnedNamespaces
            var network: PodNetwork?
            var cgroupParent: String
            var timeline: String?
            var pid: Int32?
        }
        return try json(
            Info(
                runtimeHandler: pod.runtimeHandler, namespaces: pod.namespaces, network: pod.network,
                cgroupParent: pod.cgroupParent, timeline: timelines.timeline(of: pod.id)?.table, pid: pod.namespaces.initPID))
    }

    /// CRI, ContainerStatus with verbose: with the runtime's specification whole.
    public func verboseInfo(of container: ContainerRecord) async throws -> [String: String] {
        struct Info: Encodable {
            var sandboxID: String
            var pid: Int32
            var runtimeSpec: JSONValue?
            var timeline: String?
        }
        let path = "\(containerFiles.bundle(container.id))/config.json"
        let bytes = try? await BlockingPool.shared.run { try Files.readBytes(path) }
        let spec = bytes.flatMap { try? JSONDecoder().decode(JSONValue.self, from: Data($0)) }
        return try json(
            Info(
                sandboxID: container.podID, pid: container.exit == nil ? container.pid ?? 0 : 0, runtimeSpec: spec,
                timeline: timelines.timeline(of: container.id)?.table))
    }

    /// CRI, ImageStatus with verbose: with where the time of its last pull went.
    public func verboseInfo(of image: ImageRecord) throws -> [String: String] {
        struct Info: Encodable {
            var imageSpec: ImageConfigurationBox
            var layers: [String]
            var timeline: String?
        }
        struct ImageConfigurationBox: Encodable {
            let image: ImageRecord
            func encode(to encoder: any Encoder) throws { try image.configuration.encode(to: encoder) }
        }
        return try json(
            Info(
                imageSpec: ImageConfigurationBox(image: image), layers: image.layers.map(\.description),
                timeline: timelines.timeline(of: image.id)?.table))
    }

    private func json(_ value: some Encodable) throws -> [String: String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return ["info": String(decoding: try encoder.encode(value), as: UTF8.self)]
    }
}

/// The configuration as `crictl info` shows it.
enum ConfigurationInfo {
    static func json(_ settings: NodeSettings) -> String {
        struct Info: Encodable {
            var root: String
            var runRoot: String
            /// Beside it critest tries ID-mapped mounts, as beside containerd's directory of that name.
            var stateDir: String
            var defaultRuntime: String
            var runtimes: [String: String]
            var cgroupDriver: String
            var cgroupVersion: String
            var configuration: String
        }
        let info = Info(
            root: settings.root, runRoot: settings.runRoot, stateDir: "\(settings.root)/layers", defaultRuntime: settings.defaultHandler,
            runtimes: Dictionary(settings.handlers.map { ($0.name, $0.path) }) { $1 }, cgroupDriver: settings.cgroupDriver.rawValue,
            cgroupVersion: settings.cgroupLayout.version.rawValue, configuration: settings.rendered)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return (try? encoder.encode(info)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
