/// An image's configuration, OCI image specification 1.1, config.md. Its digest is the image's id.
public struct ImageConfiguration: Codable, Sendable, Equatable {
    /// Required by the specification, and absent or empty in images of some tools.
    public var architecture: String?
    public var os: String?
    public var variant: String?
    /// RFC 3339.
    public var created: String?
    public var config: Execution?
    public var rootfs: RootFileSystem
    public var history: [History]?

    public init(
        architecture: String? = nil, os: String? = nil, variant: String? = nil, created: String? = nil, config: Execution? = nil,
        rootfs: RootFileSystem = RootFileSystem(), history: [History]? = nil
    ) {
        self.architecture = architecture
        self.os = os
        self.variant = variant
        self.created = created
        self.config = config
        self.rootfs = rootfs
        self.history = history
    }

    /// What a container of this image runs unless told otherwise. Names are the specification's.
    public struct Execution: Codable, Sendable, Equatable {
        public var user: String?
        public var env: [String]?
        public var entrypoint: [String]?
        public var cmd: [String]?
        public var workingDir: String?
        public var volumes: [String: Empty]?
        public var exposedPorts: [String: Empty]?
        public var labels: [String: String]?
        public var stopSignal: String?

        enum CodingKeys: String, CodingKey {
            case user = "User"
            case env = "Env"
            case entrypoint = "Entrypoint"
            case cmd = "Cmd"
            case workingDir = "WorkingDir"
            case volumes = "Volumes"
            case exposedPorts = "ExposedPorts"
            case labels = "Labels"
            case stopSignal = "StopSignal"
        }

        public init(
            user: String? = nil, env: [String]? = nil, entrypoint: [String]? = nil, cmd: [String]? = nil,
            workingDir: String? = nil, volumes: [String: Empty]? = nil, labels: [String: String]? = nil, stopSignal: String? = nil
        ) {
            self.user = user
            self.env = env
            self.entrypoint = entrypoint
            self.cmd = cmd
            self.workingDir = workingDir
            self.volumes = volumes
            self.labels = labels
            self.stopSignal = stopSignal
        }
    }

    /// The layers by the digests of their uncompressed archives, the lowest first.
    public struct RootFileSystem: Codable, Sendable, Equatable {
        public var type: String
        public var diffIDs: [Digest]

        enum CodingKeys: String, CodingKey {
            case type
            case diffIDs = "diff_ids"
        }

        public init(type: String = "layers", diffIDs: [Digest] = []) {
            self.type = type
            self.diffIDs = diffIDs
        }
    }

    /// How a layer came about.
    public struct History: Codable, Sendable, Equatable {
        public var created: String?
        public var createdBy: String?
        public var author: String?
        public var comment: String?
        public var emptyLayer: Bool?

        enum CodingKeys: String, CodingKey {
            case created, author, comment
            case createdBy = "created_by"
            case emptyLayer = "empty_layer"
        }
    }

    /// The specification writes sets as objects whose values are empty objects.
    public struct Empty: Codable, Sendable, Equatable {
        public init() {}
    }
}
