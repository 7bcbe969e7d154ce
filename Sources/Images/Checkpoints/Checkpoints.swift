import CLinux
import Glibc
import Linux

/// Checkpoint archives: written of containers, and read to restore from. Each piece of work has a thread of its own.
///
/// The methods throw `CheckpointError`, `SystemError` and `ImageError`.
public struct Checkpoints: Sendable {
    private let content: ContentStore
    private let rootFileSystems: RootFilesystems

    public init(images: ImageService) {
        content = images.content
        rootFileSystems = RootFilesystems(images: images)
    }

    /// Gathers what a container has changed of its image's files. The container is to be paused.
    /// - Parameters:
    ///   - directory: gets the parts.
    ///   - mounts: paths in the container where something is mounted.
    public func gatherChanges(of containerID: String, into directory: String, except mounts: [String], limit: WorkLimit) async throws {
        let layers = content.catalog.holders[containerID]?.layers.reversed().map(content.directories.layer) ?? []
        let upper = "\(content.directories.changes)/\(containerID)/upper"
        let merged = rootFileSystems.path(containerID)
        try await work {
            let changes = try RootChanges.find(
                upper: upper, lower: layers, merged: merged, except: Set(mounts.compactMap { LayerPath($0.utf8) }))
            try CheckpointWriter(parts: directory, limit: limit).packChanges(changes, of: merged)
        }
    }

    /// Writes the parts in `directory` as an archive, which is at `location` whole or not at all.
    /// - Parameter temporary: a name beside `location`.
    public func write(_ directory: String, to location: String, by temporary: String, limit: WorkLimit) async throws {
        try await work { try CheckpointWriter(parts: directory, limit: limit).write(to: location, by: temporary) }
    }

    /// What an archive says of itself.
    public func documents(ofArchive path: String) async throws -> CheckpointDocuments {
        try await work { try CheckpointReader(path: path).documents() }
    }

    /// What a checkpoint image, mounted at `path`, says of itself.
    public func documents(ofImage name: String, at path: String) async throws -> CheckpointDocuments {
        try await work { try CheckpointImage(path: path, name: name).documents() }
    }

    /// Writes what a restore needs into a directory, which exists.
    public func unpack(archive path: String, into directory: String) async throws {
        try await work { try CheckpointReader(path: path).unpack(into: directory) }
    }

    /// As ``unpack(archive:into:)``, of a checkpoint image mounted at `path`.
    public func copy(image name: String, at path: String, into directory: String) async throws {
        try await work { try CheckpointImage(path: path, name: name).copy(into: directory) }
    }

    /// Makes a container's root file system what it was at the checkpoint.
    /// - Parameter directory: what was unpacked of the checkpoint `source`.
    public func apply(_ directory: String, of source: String, to rootFileSystem: String) async throws {
        try await work { try CheckpointTree(parts: directory, source: source).apply(to: rootFileSystem) }
    }

    private func work<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await onOwnThread(named: "checkpoint") {
            // The umask is the thread's own then; permissions are what archives say.
            let separateFileSystemAttributes: CInt = 0x200
            try check("unshare") { clinux_unshare(separateFileSystemAttributes) }
            umask(0)
            return try body()
        }
    }
}
