import CRI
import Foundation
import Glibc
import Images
import Linux
import OCI

/// What a checkpoint says of the container that it is of.
struct CheckpointDescription: Sendable {
    let container: ContainerRecord
    let pod: PodRecord
    /// The runtime handler's name after defaulting.
    let handler: String
    let imageName: String
    /// Nanoseconds since the epoch.
    let now: Int64

    var configuration: CheckpointConfiguration {
        let image = container.config.image
        return CheckpointConfiguration(
            id: container.id, name: container.config.metadata.name,
            rootfsImage: image.userSpecifiedImage.isEmpty ? image.image : image.userSpecifiedImage,
            rootfsImageRef: container.imageID, rootfsImageName: imageName, runtime: handler,
            createdTime: Self.time(container.createdAt), checkpointedTime: Self.time(now), restored: container.restore != nil)
    }

    /// The annotations by which checkpointctl and CRI-O know a container of a pod.
    func annotations() throws -> [String: String] {
        struct Metadata: Encodable {
            let name: String
            let attempt: UInt32
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        func json(_ value: some Encodable) throws -> String { String(decoding: try encoder.encode(value), as: UTF8.self) }
        let metadata = container.config.metadata
        var result = [
            "io.container.manager": "cri-o", "io.kubernetes.cri-o.SandboxName": pod.config.metadata.name,
            "io.kubernetes.cri-o.Metadata": try json(Metadata(name: metadata.name, attempt: metadata.attempt)),
            "io.kubernetes.cri-o.Annotations": try json(container.config.annotations),
            "io.kubernetes.cri-o.Labels": try json(container.config.labels), "io.kubernetes.cri-o.LogPath": container.logPath,
            "io.kubernetes.cri-o.Created": Self.time(container.createdAt),
        ]
        for (index, address) in (pod.network?.ips ?? []).enumerated() { result["io.kubernetes.cri-o.IP.\(index)"] = address }
        return result
    }

    /// RFC 3339 in UTC, with nanoseconds.
    static func time(_ nanoseconds: Int64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ value: some BinaryInteger, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let day = [digits(parts.tm_year + 1900, 4), digits(parts.tm_mon + 1, 2), digits(parts.tm_mday, 2)].joined(separator: "-")
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { digits($0, 2) }.joined(separator: ":")
        return "\(day)T\(clock).\(digits(nanoseconds % 1_000_000_000, 9))Z"
    }
}

/// The mounts of a container as a checkpoint sees them.
enum ExternalMounts {
    /// Those of Kubernetes and the runtime, which every container has: a restore makes them anew.
    static let common: Set<String> = [
        "/proc", "/dev", "/dev/pts", "/dev/mqueue", "/dev/shm", "/sys", "/sys/fs/cgroup", "/etc/resolv.conf", "/etc/hostname",
        "/etc/passwd", "/etc/group", "/run/secrets", "/run/.containerenv",
    ]
    private static let notRecorded: Set<String> = ["/dev", "/dev/shm", "/proc", "/run", "/run/.containerenv", "/run/secrets", "/sys"]

    /// What of the host is bound into the container. Blocks.
    static func describe(_ mounts: [Spec.Mount]) -> [ExternalMount] {
        mounts.compactMap { mount in
            guard mount.isBind, !notRecorded.contains(mount.destination), let source = mount.source else { return nil }
            var status = stat()
            guard stat(source, &status) == 0 else { return nil }
            return ExternalMount(
                source: source, destination: mount.destination, fileType: status.st_mode & S_IFMT == S_IFDIR ? "directory" : "file",
                permissions: status.st_mode & 0o777)
        }
    }

    /// Where what shows in the container is not its root file system.
    static func destinations(_ mounts: [Spec.Mount]) -> [String] { Array(notRecorded.union(mounts.map(\.destination))) }
}

extension Spec.Mount {
    fileprivate var isBind: Bool { type == "bind" || options?.contains { $0 == "bind" || $0 == "rbind" } ?? false }
}

/// Copies a log that a monitor may be writing to. Blocks.
enum LogCopy {
    /// - Throws: `SystemError`, with EEXIST where something is at `target`.
    static func copy(_ source: String, to target: String) throws {
        let from = try OwnedDescriptor.open(source, O_RDONLY | O_NONBLOCK)
        let to = try OwnedDescriptor.open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        while true {
            let count = try check("sendfile", source) { CInt(truncatingIfNeeded: sendfile(to.raw, from.raw, nil, 16 << 20)) }
            if count == 0 { return }
        }
    }
}
