/// A range of ids inside a user namespace and what it is outside.
public struct IDMap: Sendable, Equatable, Codable {
    public var containerID: UInt32
    public var hostID: UInt32
    public var length: UInt32

    public init(containerID: UInt32, hostID: UInt32, length: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.length = length
    }

    var argument: String { "\(containerID):\(hostID):\(length)" }
}

/// The namespaces that a pod wants for its own.
public struct NamespaceRequest: Sendable {
    /// Where the pins go, one file a namespace. It exists, and has no pins yet.
    public var directory: String
    /// With it the loopback interface is up.
    public var network = false
    public var ipc = false
    public var uts = false
    /// With it comes an init process that reaps, the pod's first.
    public var pid = false
    /// At most 64 bytes; for a UTS namespace of the pod's own.
    public var hostname: String?
    /// Written inside of the new namespaces. Each belongs to one of them: others are refused, since they are the host's.
    public var sysctls: [String: String] = [:]
    /// Without mappings the user namespace is the host's. With them 0 is mapped.
    public var uidMap: [IDMap] = []
    public var gidMap: [IDMap] = []
    /// Files to write the init's number into, `cgroup.procs` of the pod's cgroups.
    public var cgroupProcsFiles: [String] = []

    public init(directory: String) { self.directory = directory }

    /// What swiftlet-pin is called with.
    var arguments: [String] {
        var list = ["--dir", directory]
        if network { list.append("--net") }
        if ipc { list.append("--ipc") }
        if uts { list.append("--uts") }
        if pid { list.append("--pid") }
        if let hostname, uts { list += ["--hostname", hostname] }
        for (key, value) in sysctls.sorted(by: { $0.key < $1.key }) { list += ["--sysctl", "\(key)=\(value)"] }
        if !uidMap.isEmpty {
            list.append("--user")
            list += uidMap.flatMap { ["--uid-map", $0.argument] } + gidMap.flatMap { ["--gid-map", $0.argument] }
        }
        if pid { list += cgroupProcsFiles.flatMap { ["--cgroup-procs", $0] } }
        return list
    }
}

/// The files that keep a pod's namespaces; nil where the pod uses the host's.
public struct PinnedNamespaces: Sendable, Codable, Equatable {
    public var net: String?
    public var ipc: String?
    public var uts: String?
    public var user: String?
    public var pid: String?
    /// The init's number on the host.
    public var initPID: Int32?
    public var uidMappings: [IDMap] = []
    public var gidMappings: [IDMap] = []

    public init() {}

    init(_ request: NamespaceRequest, initPID: Int32?) {
        func path(_ kind: NamespaceKind, if made: Bool) -> String? { made ? kind.pin(in: request.directory) : nil }
        net = path(.net, if: request.network)
        ipc = path(.ipc, if: request.ipc)
        uts = path(.uts, if: request.uts)
        user = path(.user, if: !request.uidMap.isEmpty)
        pid = path(.pid, if: request.pid)
        self.initPID = initPID
        uidMappings = request.uidMap
        gidMappings = request.gidMap
    }
}
