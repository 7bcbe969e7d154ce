import CRI
import Foundation
import Images
import Linux
import OCI
import OCIRuntime

extension Node {
    /// Annotations that make an image a checkpoint: CRI-O's, and the one that the tools agree on.
    private static let checkpointAnnotations = ["io.kubernetes.cri-o.annotations.checkpoint.name", "org.criu.checkpoint.container.name"]

    /// The checkpoint that a container's image is: an archive of this host by its path, or an image with the annotation of one;
    /// nil for a usual image. A checkpoint image is mounted below the bundle, for ``takeUp(_:for:rootfs:)``.
    func checkpoint(of config: Runtime_V1_ContainerConfig, for id: String) async throws -> Checkpoint? {
        let source = config.image.image
        do {
            if source.hasPrefix("/") {
                guard try await BlockingPool.shared.run({ Files.exists(source) }) else { return nil }
                try await requireCheckpoints()
                return Checkpoint(source: source, mountedImage: nil, documents: try await checkpoints.documents(ofArchive: source))
            }
            guard !source.isEmpty, let image = try await image(source),
                Self.checkpointAnnotations.contains(where: { image.annotations[$0] != nil })
            else { return nil }
            try await requireCheckpoints()
            let path = checkpointMount(id)
            try await BlockingPool.shared.run { try Files.makeDirectories(path, mode: 0o700) }
            try await rootFileSystems.mountImage(image, at: path)
            return Checkpoint(
                source: source, mountedImage: path, documents: try await checkpoints.documents(ofImage: source, at: path))
        } catch {
            await discardCheckpoint(id)
            throw nodeError(error, "reading the checkpoint \(source)")
        }
    }

    /// Gives back what was taken of a checkpoint that no container came of. What fails is tried again at the next start.
    func discardCheckpoint(_ id: String) async {
        try? await forgetCheckpoint(id)
        try? await BlockingPool.shared.run { [containerFiles] in try containerFiles.remove(id) }
    }

    private func checkpointMount(_ id: String) -> String { "\(containerFiles.bundle(id))/checkpoint" }

    /// The image that the container in a checkpoint was made of.
    func baseImage(of checkpoint: Checkpoint) async throws -> ImageRecord {
        for name in checkpoint.baseImages {
            if let image = try await image(name) { return image }
        }
        let configuration = checkpoint.documents.configuration
        let names = [configuration.rootfsImageName, configuration.rootfsImage, configuration.rootfsImageRef].compactMap { $0 }
        throw NodeError.notFound(
            "the container in \(checkpoint.source) is of the image \(names.first { !$0.isEmpty } ?? "of no name")"
                + " (id \(configuration.rootfsImageRef ?? "unknown")), which is not on this node: pull it first")
    }

    /// Unpacks a checkpoint for a container and makes the container's root file system what it was.
    func takeUp(_ checkpoint: Checkpoint, for container: ContainerRecord, rootfs: String) async throws {
        try checkpoint.check(container.config)
        let parts = checkpointFiles.restored(container.id)
        try await BlockingPool.shared.run {
            try Files.removeTree(parts)
            try Files.makeDirectories(parts, mode: 0o700)
        }
        if let mounted = checkpoint.mountedImage {
            try await checkpoints.copy(image: checkpoint.source, at: mounted, into: parts)
            try await rootFileSystems.unmountImage(at: mounted)
        } else {
            try await checkpoints.unpack(archive: checkpoint.source, into: parts)
        }
        try await checkpoints.apply(parts, of: checkpoint.source, to: rootfs)
        try await makeMissingFiles(container, parts)
    }

    /// A path of the host that the request mounts and that is not there is made as a directory by default. Where the checkpoint
    /// knows it as a file, it has to be one.
    private func makeMissingFiles(_ container: ContainerRecord, _ parts: String) async throws {
        let mounts = container.config.mounts
        try await BlockingPool.shared.run {
            guard let bytes = try? Files.readBytes("\(parts)/\(CheckpointPart.externalMounts.rawValue)"),
                let external = try? JSONDecoder().decode([ExternalMount].self, from: Data(bytes))
            else { return }
            let files = Set(external.filter { $0.fileType == "file" }.map(\.destination))
            for mount in mounts where files.contains(mount.containerPath) && mount.hostPath.hasPrefix("/") && !Files.exists(mount.hostPath) {
                try Files.makeDirectories(String(mount.hostPath[..<(mount.hostPath.lastIndex(of: "/") ?? mount.hostPath.startIndex)]))
                try Files.writeAtomically([], to: mount.hostPath, mode: 0o644)
            }
        }
    }

    /// Begins the restored container's log with what its checkpoint has of it, where there is none yet.
    func takeUpLog(of container: ContainerRecord) async throws {
        let (log, path) = ("\(checkpointFiles.restored(container.id))/\(CheckpointPart.log.rawValue)", container.logPath)
        guard !path.isEmpty else { return }
        try await BlockingPool.shared.run {
            guard Files.exists(log), !Files.exists(path) else { return }
            try LogCopy.copy(log, to: path)
        }
    }

    /// Has the runtime make the container's process of its checkpoint. The caller holds the container's lock.
    func restoreProcess(of container: ContainerRecord) async throws {
        let parts = checkpointFiles.restored(container.id)
        let path = containerFiles.bundle(container.id)
        let spec = try await BlockingPool.shared.run {
            try JSONDecoder().decode(Spec.self, from: Data(try Files.readBytes("\(path)/config.json")))
        }
        let process = try await createProcess(
            of: container, in: try pod(of: container), bundle: path,
            restoring: RestoreRequest(
                images: "\(parts)/\(CheckpointPart.images)", processLabel: spec.process?.selinuxLabel, mountLabel: spec.linux?.mountLabel))
        try await inventory.updateContainer(container.id) {
            $0.pid = process.pid
            $0.processStart = process.startTime
            $0.boot = ContainerProcess.currentBoot
        }
        follow(try inventory.container(container.id))
        // From here on it is a container like others.
        try? await BlockingPool.shared.run { try Files.removeTree(parts) }
    }

    /// Gives back what a container to be restored holds besides. Idempotent; goes by the container's id alone.
    func forgetCheckpoint(_ id: String) async throws {
        try await rootFileSystems.unmountImage(at: checkpointMount(id))
        try await BlockingPool.shared.run { [checkpointFiles, containerFiles] in
            try Files.removeTree(checkpointFiles.restored(id))
            // Nothing else has made it before the container's record.
            try Files.removeTree(containerFiles.bundle(id) + "/checkpoint")
        }
    }
}
