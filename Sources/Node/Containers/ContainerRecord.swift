import CRI
import Foundation

/// Where a container is in its life. Written before a step's side effects.
public enum ContainerPhase: String, Codable, Sendable {
    /// Being made: a restart undoes it.
    case creating
    /// The runtime has made it; its process waits for start.
    case created
    /// Start was asked for: a restart looks whether it came to be.
    case starting
    case running
    case exited
    /// Being removed: a restart finishes it.
    case removing
}

/// How a container's process ended.
public struct ContainerExit: Codable, Sendable, Equatable {
    /// As a shell gives it: 128 and the number for a signal.
    public var code: Int32
    /// Nanoseconds since the epoch.
    public var finishedAt: Int64
    public var outOfMemory: Bool
    /// More than the code says, empty otherwise.
    public var message: String

    public init(code: Int32, finishedAt: Int64, outOfMemory: Bool = false, message: String = "") {
        self.code = code
        self.finishedAt = finishedAt
        self.outOfMemory = outOfMemory
        self.message = message
    }
}

/// A container, as it is kept on disk and answered to the kubelet.
public struct ContainerRecord: Codable, Sendable, Identifiable {
    public let id: String
    public let podID: String
    /// The request's configuration, whole.
    @Coded public var config: Runtime_V1_ContainerConfig
    /// The image's id, `sha256:…`.
    public var imageID: String
    /// The image as `name@digest`, or its id where it has no digest in a registry.
    public var imageReference: String
    /// Nanoseconds since the epoch; zero while it has not come to that.
    public var createdAt: Int64
    public var startedAt: Int64
    public var phase: ContainerPhase
    public var exit: ContainerExit?
    /// The container's first process, as the host numbers it.
    public var pid: Int32?
    /// That process's start time (/proc/PID/stat, field 22), which tells it from a later one of the same number.
    public var processStart: UInt64?
    /// The boot in which that process was made, random/boot_id; nil in records of old.
    public var boot: String?
    /// Where the log goes; empty for none.
    public var logPath: String
    /// The path below a cgroup hierarchy, or `slice:prefix:name`.
    public var cgroupPath: String
    /// The signal that asks it to end.
    public var stopSignal: Int32
    /// What the container's process runs as.
    @Coded public var user: Runtime_V1_ContainerUser
    /// The resources in force: the request's, then the updates'.
    @Coded public var resources: Runtime_V1_LinuxContainerResources
    /// Ids of images that are mounted as volumes and so kept.
    public var imageVolumes: [String]
    /// The mounts as the status gives them.
    @Coded public var mounts: Runtime_V1_ContainerConfig
    /// The checkpoint that its process comes from; nil for a new one.
    public var restore: RestoreOrigin?
    /// Whether it never came to be, and undoing it did not succeed at once: it is undone until it is gone. Nil in records of old.
    var failed: Bool?

    public var key: ContainerKey { ContainerKey(podID: podID, config.metadata) }

    public var state: Runtime_V1_ContainerState {
        switch phase {
        case .creating, .created, .starting: .containerCreated
        case .running: .containerRunning
        case .exited, .removing: .containerExited
        }
    }

    /// Whether Start is to restore it: until then it has no process.
    var awaitsRestore: Bool { restore != nil && phase == .created }

    /// Whether a process of it may be there.
    public var mayRun: Bool { phase == .created || phase == .starting || phase == .running }
}

/// The identity of a container in the kubelet's eyes.
public struct ContainerKey: Hashable, Sendable, CustomStringConvertible {
    let podID: String
    let name: String
    let attempt: UInt32

    init(podID: String, _ metadata: Runtime_V1_ContainerMetadata) {
        self.podID = podID
        name = metadata.name
        attempt = metadata.attempt
    }

    public var description: String { "\(name) (attempt \(attempt)) of pod \(podID.prefix(13))" }
}
