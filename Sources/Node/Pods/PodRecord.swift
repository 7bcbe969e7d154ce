import CRI
import Foundation
import Linux
import Networking
import OCIRuntime

/// Where a pod is in its life. What is written before a step's side effects, so that a restart knows what to finish or undo.
public enum PodPhase: String, Codable, Sendable {
    /// Being made: a restart undoes it.
    case creating
    /// Its namespaces and network are there.
    case ready
    /// Being stopped: a restart finishes it.
    case stopping
    /// Its containers, network and namespaces are gone; the record and the logs remain.
    case stopped
    /// Being removed: a restart finishes it.
    case removing
}

/// A pod, as it is kept on disk and answered to the kubelet.
public struct PodRecord: Codable, Sendable, Identifiable {
    public let id: String
    /// The request's configuration, whole.
    @Coded public var config: Runtime_V1_PodSandboxConfig
    /// The runtime handler's name after defaulting; it is kept through the pod's life.
    public var runtimeHandler: String
    /// The runtime itself, since the configuration may give the name to another one while the pod lives.
    var runtime: PodRuntime?
    /// What the request called the handler: empty for the default one.
    public var requestedHandler: String
    /// Nanoseconds since the epoch.
    public var createdAt: Int64
    public var phase: PodPhase
    public var namespaces: PinnedNamespaces
    public var network: PodNetwork?
    /// Whether CNI was asked for a network: from the intent on, so that DEL is never forgotten.
    public var hasNetwork: Bool
    public var hostname: String
    /// The cgroup that containers are put below, as the configured driver writes it.
    public var cgroupParent: String
    /// Whether the cgroup was made for this pod and goes with it.
    public var ownsCgroup: Bool
    /// The parents that were not there before and go when no pod is in them any more, the deepest first; nil in records of old.
    var ownedParents: [String]?
    /// The SELinux labels that its containers start from; nil where labels are not in use.
    public var labels: SELinuxLabels?

    /// Whether it never came to be, and undoing it did not succeed at once: it is undone until it is gone. Nil in records of old.
    var failed: Bool?

    /// What of the parents is to be removed with the pod. A record of old has none of systemd's: those were not made here.
    var parentsToRemove: [String] { ownedParents ?? (ownsCgroup && cgroupParent.hasPrefix("/") ? [cgroupParent] : []) }

    /// Whether the limits of the cgroup are ours to write: nobody else made it, and no other pod has it for its own.
    var limitsCgroup: Bool { ownsCgroup && !config.linux.cgroupParent.isEmpty }

    /// What makes a request the same request: the kubelet retries with all four the same.
    public var key: PodKey { PodKey(config.metadata) }

    public var state: Runtime_V1_PodSandboxState { phase == .ready ? .sandboxReady : .sandboxNotready }

    /// The namespace modes asked for; those of the CRI's defaults where nothing is.
    public var namespaceOptions: Runtime_V1_NamespaceOption { config.linux.securityContext.namespaceOptions }
    public var usesHostNetwork: Bool { namespaceOptions.network == .node }
    /// The label of the pod's own files: none where it shares with the host what labels cannot tell apart.
    public var fileLabel: String? {
        namespaceOptions.pid == .node || namespaceOptions.ipc == .node ? nil : labels?.file.description
    }
}

/// The identity of a pod in the kubelet's eyes.
public struct PodKey: Hashable, Sendable, CustomStringConvertible {
    let name: String
    let namespace: String
    let uid: String
    let attempt: UInt32

    init(_ metadata: Runtime_V1_PodSandboxMetadata) {
        name = metadata.name
        namespace = metadata.namespace
        uid = metadata.uid
        attempt = metadata.attempt
    }

    public var description: String { "\(namespace)/\(name) (uid \(uid), attempt \(attempt))" }
}
