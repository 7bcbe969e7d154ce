/// What a container gets with a device. CDI specification 1.1.0, "Container Edits"; names follow the OCI runtime specification.
public struct ContainerEdits: Sendable, Equatable {
    /// `KEY=VALUE`.
    public var environment: [String] = []
    public var deviceNodes: [DeviceNode] = []
    public var mounts: [Mount] = []
    public var hooks: [Hook] = []
    /// Group ids, none of them 0.
    public var additionalGroups: [UInt32] = []
    public var intelRdt: IntelRdt?
    /// Fields of the file that cannot be honoured.
    var unsupported: [String] = []

    public init() {}

    var isEmpty: Bool { self == ContainerEdits() }

    /// Both edits, `other` after these.
    mutating func append(_ other: ContainerEdits) {
        environment += other.environment
        deviceNodes += other.deviceNodes
        mounts += other.mounts
        hooks += other.hooks
        additionalGroups += other.additionalGroups
        intelRdt = other.intelRdt ?? intelRdt
        unsupported += other.unsupported
    }

    public struct Mount: Sendable, Equatable {
        public var hostPath: String
        public var containerPath: String
        public var type: String?
        public var options: [String]
    }

    public struct Hook: Sendable, Equatable {
        public enum Stage: String, Sendable, CaseIterable {
            case prestart, createRuntime, createContainer, startContainer, poststart, poststop
        }

        public var stage: Stage
        public var path: String
        public var arguments: [String]
        public var environment: [String]
        /// Seconds.
        public var timeout: Int?
    }

    /// A class of Intel's Resource Director Technology.
    public struct IntelRdt: Sendable, Equatable {
        public var closID: String?
        public var l3CacheSchema: String?
        public var memBwSchema: String?
    }
}
