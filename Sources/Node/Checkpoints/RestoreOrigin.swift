import CRI
import Images

/// What a container is restored from, as its record keeps it.
public struct RestoreOrigin: Codable, Sendable, Equatable {
    /// The archive's path or the checkpoint image's name, as the request gave it.
    public var source: String
    /// The container that the checkpoint is of.
    public var containerID: String
    /// RFC 3339, as the checkpoint has it.
    public var checkpointedAt: String
}

/// A checkpoint that a container is to be made of.
struct Checkpoint: Sendable {
    /// As the request calls it.
    let source: String
    /// Where the checkpoint image is mounted; nil for an archive.
    let mountedImage: String?
    let documents: CheckpointDocuments

    var origin: RestoreOrigin {
        RestoreOrigin(
            source: source, containerID: documents.configuration.id, checkpointedAt: documents.configuration.checkpointedTime)
    }

    /// What the base image may be known by, the surest first. An id says which image it is; a name may lead to another by now,
    /// and is asked only where there is no id.
    var baseImages: [String] {
        let configuration = documents.configuration
        if let id = configuration.rootfsImageRef, !id.isEmpty { return [id] }
        return [configuration.rootfsImageName, configuration.rootfsImage].compactMap { $0 }.filter { !$0.isEmpty }
    }

    /// - Throws: `NodeError.invalidArgument` where the checkpoint has a mount that the request has not: processes have files
    ///   open there. Nothing of the host is ever mounted because a checkpoint says so.
    func check(_ config: Runtime_V1_ContainerConfig) throws(NodeError) {
        let there = ExternalMounts.common.union(config.mounts.map(\.containerPath))
        let missing = (documents.specification.mounts ?? []).map(\.destination).filter { !there.contains($0) }
        guard missing.isEmpty else {
            throw .invalidArgument(
                "the container in \(source) had mounts at \(missing.joined(separator: ", ")): give the container to restore mounts there")
        }
    }

    /// The request as the specification is built of it: the process comes with the checkpoint, and so does its command line.
    func described(_ config: Runtime_V1_ContainerConfig) -> Runtime_V1_ContainerConfig {
        var config = config
        if let arguments = documents.specification.process?.args, !arguments.isEmpty {
            config.command = arguments
            config.args = []
        }
        return config
    }
}
