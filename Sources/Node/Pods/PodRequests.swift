import CRI
import Linux
import Networking

// What a pod's record says to the modules below.
extension Node {
    func namespaceRequest(for pod: PodRecord) async throws -> NamespaceRequest {
        let options = pod.namespaceOptions
        var request = NamespaceRequest(directory: podFiles.namespaces(pod.id))
        request.network = options.network != .node
        request.ipc = options.ipc != .node
        request.uts = true
        request.pid = options.pid == .pod
        request.hostname = pod.hostname
        // Of the configuration's sysctls those are left out that belong to the host: written there, they would change it.
        request.sysctls = PodSysctls(options).allowed(settings.defaultSysctls).merging(pod.config.linux.sysctls) { $1 }
        if let userNamespace = pod.userNamespace {
            (request.uidMap, request.gidMap) = ([userNamespace.uids], [userNamespace.gids])
            request.sysctls = userNamespace.adjusted(sysctls: request.sysctls)
        }
        if request.pid {
            let (id, parent) = (pod.id, pod.cgroupParent)
            request.cgroupProcsFiles = try await BlockingPool.shared.run { [cgroups] in try cgroups.prepareInit(ofPod: id, parent: parent) }
        }
        return request
    }

    func networkRequest(for pod: PodRecord) -> PodNetworkRequest {
        let config = pod.config
        var request = PodNetworkRequest(
            podID: pod.id, name: config.metadata.name, namespace: config.metadata.namespace, uid: config.metadata.uid,
            netnsPath: podFiles.namespaces(pod.id) + "/net")
        request.portMappings = config.portMappings.filter { $0.hostPort > 0 }.map(PortMapping.init(message:))
        request.ingressBandwidth = config.annotations["kubernetes.io/ingress-bandwidth"].flatMap(Quantity.value)
        request.egressBandwidth = config.annotations["kubernetes.io/egress-bandwidth"].flatMap(Quantity.value)
        request.annotations = config.annotations
        request.cgroupPath = pod.cgroupParent
        return request
    }
}

/// Kubernetes' quantities, as far as annotations use them: a number and a suffix.
enum Quantity {
    private static let factors: [String: Double] = [
        "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 1024, "Mi": 1_048_576, "Gi": 1_073_741_824, "Ti": 1_099_511_627_776,
    ]

    /// Nil where the text is no quantity, is not positive or does not fit.
    static func value(_ text: String) -> UInt64? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let factor = factors[String(text.dropFirst(digits.count))], let number = Double(digits) else { return nil }
        let value = (number * factor).rounded()
        return value >= 1 && value < 1e18 ? UInt64(value) : nil
    }
}

extension IDMap {
    init(_ message: Runtime_V1_IDMapping) {
        self.init(containerID: message.containerID, hostID: message.hostID, length: message.length)
    }
}

extension PortMapping {
    init(message: Runtime_V1_PortMapping) {
        let transport =
            switch message.protocol {
            case .udp: "udp"
            case .sctp: "sctp"
            case .tcp, .UNRECOGNIZED: "tcp"
            }
        self.init(transport: transport, containerPort: message.containerPort, hostPort: message.hostPort, hostIP: message.hostIp)
    }
}
