import CRI

// Which modes of namespaces a pod can have, and which a container in such a pod. CRI, NamespaceOption.
extension Runtime_V1_NamespaceOption {
    /// Whether a pod can have these.
    /// - Throws: `NodeError.invalidArgument`.
    func checkOfPod() throws(NodeError) {
        for (kind, mode) in [("network", network), ("IPC", ipc)] where mode != .pod && mode != .node {
            throw .invalidArgument("the pod's \(kind) namespace has the mode \(mode.text); it can be POD or NODE")
        }
        guard [.pod, .container, .node].contains(pid) else {
            throw .invalidArgument("the pod's PID namespace has the mode \(pid.text); it can be POD, CONTAINER or NODE")
        }
    }

    /// Whether a container can have these in a pod that has `pod`. POD means whatever the pod has; less than that it may share, not more.
    /// - Throws: `NodeError.invalidArgument`.
    func check(inPod pod: Self) throws(NodeError) {
        for (kind, mode, own) in [("network", network, pod.network), ("IPC", ipc, pod.ipc)] {
            guard mode == .pod || mode == .node else {
                throw .invalidArgument("the container's \(kind) namespace has the mode \(mode.text); it can be POD or NODE")
            }
            guard mode != .node || own == .node else {
                throw .invalidArgument("the container asks for the host's \(kind) namespace, and its pod has one of its own")
            }
        }
        switch pid {
        case .node where pod.pid != .node:
            throw .invalidArgument("the container asks for the host's PID namespace, and its pod does not share it")
        case .pod where pod.pid == .container:
            throw .invalidArgument("the container asks for the pod's PID namespace, and in this pod each container has one of its own")
        case .target where targetID.isEmpty:
            throw .invalidArgument("the container asks for another's PID namespace and names no target_id")
        case .UNRECOGNIZED(let value):
            throw .invalidArgument("the PID namespace mode \(value) is not known")
        case .pod, .container, .node, .target: return
        }
    }
}

extension Runtime_V1_NamespaceMode {
    fileprivate var text: String {
        switch self {
        case .pod: "POD"
        case .container: "CONTAINER"
        case .node: "NODE"
        case .target: "TARGET"
        case .UNRECOGNIZED(let value): "\(value)"
        }
    }
}
