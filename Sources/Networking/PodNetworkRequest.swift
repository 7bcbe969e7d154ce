import Linux

/// A port of the host that leads to one of the pod. CNI conventions, "portMappings".
public struct PortMapping: Sendable, Codable, Equatable {
    /// `tcp`, `udp` or `sctp`.
    public var transport: String
    public var containerPort: Int32
    public var hostPort: Int32
    public var hostIP: String

    enum CodingKeys: String, CodingKey {
        case transport = "protocol"
        case containerPort, hostPort, hostIP
    }

    public init(transport: String, containerPort: Int32, hostPort: Int32, hostIP: String = "") {
        self.transport = transport
        self.containerPort = containerPort
        self.hostPort = hostPort
        self.hostIP = hostIP
    }
}

/// The resolver that a pod is to have, for plugins that set it up. CNI conventions, "dns".
public struct PodResolver: Sendable, Codable, Equatable {
    public var servers: [String]
    public var searches: [String]
    public var options: [String]

    public init(servers: [String] = [], searches: [String] = [], options: [String] = []) {
        self.servers = servers
        self.searches = searches
        self.options = options
    }
}

/// A pod that wants to be on the network, or off it.
public struct PodNetworkRequest: Sendable, Codable, Equatable {
    public var podID: String
    public var name: String
    public var namespace: String
    public var uid: String
    /// The file of the pod's network namespace.
    public var netnsPath: String
    public var portMappings: [PortMapping] = []
    /// Bits a second.
    public var ingressBandwidth: UInt64?
    public var egressBandwidth: UInt64?
    /// Addresses wanted, each with a prefix length.
    public var ips: [String] = []
    /// A hardware address wanted.
    public var mac: String?
    public var resolver: PodResolver?
    public var annotations: [String: String] = [:]
    public var cgroupPath: String = ""

    public init(podID: String, name: String, namespace: String, uid: String, netnsPath: String) {
        self.podID = podID
        self.name = name
        self.namespace = namespace
        self.uid = uid
        self.netnsPath = netnsPath
    }

    /// The interface's name in the pod.
    var interface: String { "eth0" }

    /// CNI_ARGS as Kubernetes' plugins know them.
    var arguments: String { argumentPairs.map { "\($0)=\($1)" }.joined(separator: ";") }

    private var argumentPairs: [(String, String)] {
        [
            ("IgnoreUnknown", "1"), ("K8S_POD_NAMESPACE", namespace), ("K8S_POD_NAME", name), ("K8S_POD_INFRA_CONTAINER_ID", podID),
            ("K8S_POD_UID", uid),
        ]
    }

    /// - Throws: `NetworkError.invalidRequest` for a value that would end its argument and begin another.
    func checkArguments() throws(NetworkError) {
        for (key, value) in argumentPairs where value.contains(where: { $0 == ";" || $0 == "\0" }) {
            throw .invalidRequest(
                "the pod's \(key), \(value.debugDescription), cannot be given to CNI plugins: it has a semicolon or a zero byte")
        }
    }
}

/// What a pod got of its network.
public struct PodNetwork: Sendable, Codable, Equatable {
    /// Addresses without prefix lengths, in the result's order.
    public var ips: [String]
    /// The network's name.
    public var network: String

    public init(ips: [String], network: String) {
        self.ips = ips
        self.network = network
    }
}

/// Whether pods can be put on the network.
public enum NetworkStatus: Sendable, Equatable {
    case ready
    case notReady(reason: String, message: String)
}

/// Where CNI's files are.
public struct NetworkOptions: Sendable, Equatable {
    public var configurationDirectory: String
    public var pluginDirectories: [String]
    /// What was asked of plugins and what they gave, for DEL and CHECK. It survives restarts of the node.
    public var cacheDirectory: String
    /// A network's name; nil for the first one in lexical order of the files.
    public var defaultNetwork: String?
    /// How long a plugin may take, from its start on.
    public var pluginTimeout: Duration = .seconds(120)
    /// How long GC's may: no pod is put on the network meanwhile.
    public var collectionTimeout: Duration = .seconds(30)
    /// Pods that are put on the network at once.
    public var parallelAdditions = 4 * TurnQueue.cpus
    /// Pods that are taken off it at once.
    public var parallelRemovals = max(8, 4 * TurnQueue.cpus)
    /// After how long a pod's place goes to the next one: its plugins wait for something then, and do not compute.
    public var turnLimit: Duration = .seconds(30)

    public init(configurationDirectory: String, pluginDirectories: [String], cacheDirectory: String, defaultNetwork: String? = nil) {
        self.configurationDirectory = configurationDirectory
        self.pluginDirectories = pluginDirectories
        self.cacheDirectory = cacheDirectory
        self.defaultNetwork = defaultNetwork
    }
}
