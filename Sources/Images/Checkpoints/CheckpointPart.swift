/// The parts of a checkpoint archive, a tar, by the names under which CRI-O, Podman and checkpointctl know them.
public enum CheckpointPart: String, CaseIterable, Sendable {
    /// Which container it was and of which image: ``CheckpointConfiguration``.
    case configuration = "config.dump"
    /// The runtime specification of the container, with annotations that name its pod.
    case specification = "spec.dump"
    /// The files and directories of the host that it had mounted: ``ExternalMount``.
    case externalMounts = "bind.mounts"
    /// CRIU's figures and its log.
    case statistics = "stats-dump"
    case dumpLog = "dump.log"
    /// Paths of the image's files that the container has removed, a JSON array.
    case deletedFiles = "deleted.files"
    /// The files that the container has made and changed, a tar.
    case rootChanges = "rootfs-diff.tar"
    /// The container's log.
    case log = "io.kubernetes.cri-o.LogPath"

    /// The directory of CRIU's images.
    public static let images = "checkpoint"
}

/// What an entry of a checkpoint archive is for a restore.
enum CheckpointEntry: Equatable {
    case part(CheckpointPart)
    /// One of CRIU's images: a file's name in the directory `checkpoint`.
    case image([UInt8])

    /// Nil for what a restore has no use for.
    init?(_ path: LayerPath) {
        if path.parent.isRoot {
            guard let part = CheckpointPart(rawValue: String(decoding: path.name, as: UTF8.self)) else { return nil }
            self = .part(part)
        } else {
            guard path.parent == LayerPath(CheckpointPart.images.utf8) else { return nil }
            self = .image(path.name)
        }
    }

    /// Where it goes below a restore's directory.
    var path: [UInt8] {
        switch self {
        case .part(let part): Array(part.rawValue.utf8)
        case .image(let name): Array("\(CheckpointPart.images)/".utf8) + name
        }
    }
}
