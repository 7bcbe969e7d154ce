import Glibc
import Linux

/// Containers' root file systems: an overlay of the image's layers and a directory for the container's own changes.
public struct RootFilesystems: Sendable {
    /// `<root>/containers`: what containers write, on the disk.
    private let changes: String
    /// `<runroot>/rootfs`: where it is mounted.
    private let mounts: String
    private let images: ImageService

    public init(root: String, runRoot: String, images: ImageService) {
        changes = "\(root)/containers"
        mounts = "\(runRoot)/rootfs"
        self.images = images
    }

    public func path(_ containerID: String) -> String { "\(mounts)/\(containerID)" }

    /// Mounts a container's root file system.
    /// - Returns: where.
    /// - Throws: `SystemError`.
    public func prepare(_ containerID: String, image: ImageRecord) async throws -> String {
        let layers = await images.layerPaths(image)
        let own = "\(changes)/\(containerID)"
        let target = path(containerID)
        try await BlockingPool.shared.run {
            try Files.makeDirectories("\(own)/upper")
            try Files.makeDirectories("\(own)/work", mode: 0o700)
            try Files.makeDirectories(target, mode: 0o700)
            try RootFilesystems.copyAttributes(of: layers.first, to: "\(own)/upper")
            if layers.isEmpty {
                try Mounts.bind("\(own)/upper", at: target)
            } else {
                try Mounts.overlay(lower: layers, upper: "\(own)/upper", work: "\(own)/work", at: target)
            }
        }
        return target
    }

    /// The merged root shows the upper directory's owner and mode: they are to be the image's.
    private static func copyAttributes(of layer: String?, to upper: String) throws {
        guard let layer else { return }
        var status = stat()
        try check("stat", layer) { stat(layer, &status) }
        try check("chown", upper) { chown(upper, status.st_uid, status.st_gid) }
        try check("chmod", upper) { chmod(upper, status.st_mode & 0o7777) }
    }

    /// Mounts an image to be read, at a directory that exists.
    public func mountImage(_ image: ImageRecord, at target: String) async throws {
        let layers = await images.layerPaths(image)
        try await BlockingPool.shared.run {
            if layers.count < 2, let only = layers.first {
                // An overlay has two layers at the least.
                try Mounts.bind(only, at: target, readOnly: true)
            } else {
                try Mounts.overlay(lower: layers, upper: nil, work: nil, at: target, readOnly: true)
            }
        }
    }

    /// Unmounts and removes all that `prepare` made. Idempotent.
    public func remove(_ containerID: String) async throws {
        let target = path(containerID)
        let own = "\(changes)/\(containerID)"
        try await BlockingPool.shared.run {
            try Mounts.unmount(target)
            try Files.removeTree(target)
            try Files.removeTree(own)
        }
    }

    /// The ids of all containers that have something here.
    public func list() async throws -> [String] {
        try await BlockingPool.shared.run { [changes, mounts] in
            let names = ((try? Files.list(changes)) ?? []) + ((try? Files.list(mounts)) ?? [])
            return Array(Set(names))
        }
    }

    /// What a container has written: bytes and inodes.
    public func usage(_ containerID: String) async throws -> (bytes: UInt64, inodes: UInt64) {
        let upper = "\(changes)/\(containerID)/upper"
        return try await BlockingPool.shared.run { DiskUsage.of(upper) }
    }

    /// What all containers have written, and where.
    public func totalUsage() async throws -> (path: String, bytes: UInt64, inodes: UInt64) {
        try await BlockingPool.shared.run { [changes] in
            try Files.makeDirectories(changes, mode: 0o700)
            let usage = DiskUsage.of(changes)
            return (changes, usage.bytes, usage.inodes)
        }
    }
}

/// What a tree takes on the disk. Blocks.
enum DiskUsage {
    static func of(_ path: String) -> (bytes: UInt64, inodes: UInt64) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return (0, 0) }
        var total = (bytes: UInt64(status.st_blocks) * 512, inodes: UInt64(1))
        guard status.st_mode & S_IFMT == S_IFDIR else { return total }
        for name in (try? Files.list(path)) ?? [] {
            let below = of("\(path)/\(name)")
            total.bytes += below.bytes
            total.inodes += below.inodes
        }
        return total
    }
}
