import FoundationEssentials

/// The file `config.dump`: which container a checkpoint is of. Names and shape are checkpointctl's (lib/metadata.go).
public struct CheckpointConfiguration: Codable, Sendable, Equatable {
    public var id: String
    public var name: String
    /// The image as the container's request named it.
    public var rootfsImage: String?
    /// The image's id, with or without `sha256:`.
    public var rootfsImageRef: String?
    /// A name of the image.
    public var rootfsImageName: String?
    /// The runtime handler.
    public var runtime: String?
    /// Times are RFC 3339; that of a restore that has not been is the year 1's first instant.
    public var createdTime: String
    public var checkpointedTime: String
    public var restoredTime = "0001-01-01T00:00:00Z"
    public var restored = false

    public init(
        id: String, name: String, rootfsImage: String, rootfsImageRef: String, rootfsImageName: String, runtime: String,
        createdTime: String, checkpointedTime: String, restored: Bool
    ) {
        (self.id, self.name, self.runtime, self.restored) = (id, name, runtime, restored)
        (self.rootfsImage, self.rootfsImageRef, self.rootfsImageName) = (rootfsImage, rootfsImageRef, rootfsImageName)
        (self.createdTime, self.checkpointedTime) = (createdTime, checkpointedTime)
    }

    public init(from decoder: any Decoder) throws {
        // Older tools write fewer keys.
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        func text(_ key: CodingKeys) throws -> String? { try keys.decodeIfPresent(String.self, forKey: key) }
        (id, name) = (try text(.id) ?? "", try text(.name) ?? "")
        (rootfsImage, rootfsImageRef) = (try text(.rootfsImage), try text(.rootfsImageRef))
        (rootfsImageName, runtime) = (try text(.rootfsImageName), try text(.runtime))
        (createdTime, checkpointedTime) = (try text(.createdTime) ?? "", try text(.checkpointedTime) ?? "")
        restoredTime = try text(.restoredTime) ?? restoredTime
        restored = try keys.decodeIfPresent(Bool.self, forKey: .restored) ?? false
    }
}

/// An element of the file `bind.mounts`: something of the host's that the container had mounted.
public struct ExternalMount: Codable, Sendable, Equatable {
    public var source: String
    public var destination: String
    /// `directory` or `file`.
    public var fileType: String
    /// As in `st_mode`, without the type.
    public var permissions: UInt32

    enum CodingKeys: String, CodingKey {
        case source, destination, permissions
        case fileType = "file_type"
    }

    public init(source: String, destination: String, fileType: String, permissions: UInt32) {
        (self.source, self.destination, self.fileType, self.permissions) = (source, destination, fileType, permissions)
    }
}

/// What a restore needs of the file `spec.dump`, a runtime specification that another tool may have written.
public struct CheckpointSpecification: Decodable, Sendable {
    public var process: Process?
    public var mounts: [Mount]?

    public struct Process: Decodable, Sendable {
        public var args: [String]?
    }

    public struct Mount: Decodable, Sendable {
        public var destination: String
    }
}

/// What a checkpoint says of itself.
public struct CheckpointDocuments: Sendable {
    public let configuration: CheckpointConfiguration
    public let specification: CheckpointSpecification

    /// - Throws: `CheckpointError.malformed`.
    init(_ parts: [CheckpointPart: [UInt8]], of source: String) throws(CheckpointError) {
        configuration = try Self.decode(.configuration, parts, source)
        specification = try Self.decode(.specification, parts, source)
    }

    private static func decode<T: Decodable>(
        _ part: CheckpointPart, _ parts: [CheckpointPart: [UInt8]], _ source: String
    ) throws(CheckpointError) -> T {
        guard let bytes = parts[part] else { throw .malformed(source, reason: "it has no \(part.rawValue)") }
        do { return try JSONDecoder().decode(T.self, from: Data(bytes)) } catch {
            throw .malformed(source, reason: "its \(part.rawValue) cannot be read (\(error))")
        }
    }
}
