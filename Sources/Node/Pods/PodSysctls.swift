import CRI

/// Which of a pod's sysctls it may set: those of namespaces of its own. swiftlet-pin refuses the others, too; here the caller learns of
/// it before anything is made.
struct PodSysctls {
    /// What a sysctl belongs to.
    enum Owner: Equatable { case network, ipc, uts, host }

    let ownsNetwork: Bool
    let ownsIPC: Bool

    init(_ options: Runtime_V1_NamespaceOption) {
        ownsNetwork = options.network != .node
        ownsIPC = options.ipc != .node
    }

    /// - Throws: `NodeError.invalidArgument` naming the sysctl and why the pod may not set it.
    func check(_ sysctls: [String: String]) throws(NodeError) {
        for (name, value) in sysctls.sorted(by: { $0.key < $1.key }) {
            guard let path = Self.path(name) else { throw .invalidArgument("the pod's sysctl '\(name)' is no name of one: see sysctl(8)") }
            guard !value.contains(where: { $0.isNewline || $0 == "\0" }) else {
                throw .invalidArgument("the pod's sysctl \(name) has a value with a line break")
            }
            switch Self.owner(of: path) {
            case .network where !ownsNetwork:
                throw .invalidArgument("the sysctl \(name) belongs to the network namespace, which the pod shares with the host")
            case .ipc where !ownsIPC:
                throw .invalidArgument("the sysctl \(name) belongs to the IPC namespace, which the pod shares with the host")
            case .host:
                throw .invalidArgument("the sysctl \(name) belongs to no namespace: set for the pod it would change the whole host")
            case .network, .ipc, .uts: continue
            }
        }
    }

    /// Those that belong to namespaces of the pod's own.
    func allowed(_ sysctls: [String: String]) -> [String: String] { sysctls.filter { (try? check([$0.key: $0.value])) != nil } }

    /// The file below /proc/sys. The first separator says which kind it is; between dots, a dot of an interface's name is a slash.
    static func path(_ name: String) -> String? {
        guard let first = name.first(where: { $0 == "." || $0 == "/" }) else { return nil }
        let path = first == "/" ? name : String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }), !name.contains(where: { $0.isWhitespace || $0 == "=" || $0 == "\0" })
        else { return nil }
        return path
    }

    /// What the kernel keeps a setting for each namespace of: ipc_namespaces(7), network_namespaces(7), uts_namespaces(7).
    static func owner(of path: String) -> Owner {
        if path.hasPrefix("net/") { return .network }
        if path.hasPrefix("fs/mqueue/") || ipc.contains(path) { return .ipc }
        return ["kernel/domainname", "kernel/hostname"].contains(path) ? .uts : .host
    }

    private static let ipc: Set<String> = [
        "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni",
        "kernel/shm_rmid_forced", "kernel/msg_next_id", "kernel/sem_next_id", "kernel/shm_next_id", "kernel/auto_msgmni",
    ]
}
