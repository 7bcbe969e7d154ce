import Glibc
import Linux
import OCI

/// Containers' root file systems: an overlay of an image's layers and a directory for what the container writes.
///
/// Whatever is mounted is noted before, so that its image stays and a crash leaves nothing unknown.
public struct RootFilesystems: Sendable {
    private let content: ContentStore
    private let options: ImageOptions
    private var directories: ImageDirectories { content.directories }

    public init(images: ImageService) {
        (content, options) = (images.content, images.options)
    }

    /// Where a container's root file system is, or would be.
    public func path(_ containerID: String) -> String { "\(directories.mounts)/\(containerID)" }

    /// Mounts a container's root file system, empty of changes: what an earlier one of that id left is removed.
    ///
    /// - Parameter userNamespace: a namespace's file, where the container has one: the image's owners show as the
    ///   namespace maps them, by mounts that shift ids.
    /// - Parameter label: the SELinux context that all its files show; nil for their own.
    /// - Returns: where it is mounted.
    /// - Throws: `ImageError.notFound` if the image is gone, `.outOfSpace`, `.storage`.
    public func prepare(
        _ containerID: String, image: ImageRecord, userNamespace: String? = nil, label: String? = nil
    ) async throws(ImageError) -> String {
        let target = path(containerID)
        do {
            try await remove(containerID)
            let layers = try await hold(image, by: containerID)
            let overlay = OverlayMount(
                layers: layers, changes: "\(directories.changes)/\(containerID)", target: target,
                options: options.overlayOptions + Self.context(label), userNamespace: userNamespace)
            try await BlockingPool.shared.run { try overlay.make() }
        } catch {
            let failure = ImageError(error, "mounting the root file system of \(containerID)")
            try? await uncancelled { try await remove(containerID) }
            throw failure
        }
        return target
    }

    /// Unmounts a container's root file system and removes what it has written. Idempotent.
    /// - Throws: `ImageError.storage`.
    public func remove(_ containerID: String) async throws(ImageError) {
        let (target, changes) = (path(containerID), "\(directories.changes)/\(containerID)")
        do {
            guard Self.isName(containerID) else { throw SystemError("remove the root file system of", code: EINVAL, containerID) }
            try await BlockingPool.shared.run { [directories] in
                try Self.unmountAll(at: target)
                if rmdir(target) != 0, errno != ENOENT { throw SystemError("rmdir", target) }
                try directories.discard(changes)
            }
            try await release(containerID)
            content.emptyTrash()
        } catch {
            throw ImageError(error, "removing the root file system of \(containerID)")
        }
    }

    /// Mounts an image, to be read only, at a directory that exists. It is held until ``unmountImage(at:)``.
    /// - Parameters:
    ///   - label: the SELinux context that all its files show; nil for their own.
    ///   - userNamespace: as of `prepare`; a directory beside the target is made for it.
    /// - Throws: as `prepare`.
    public func mountImage(
        _ image: ImageRecord, at target: String, label: String? = nil, userNamespace: String? = nil
    ) async throws(ImageError) {
        // What a crash left there.
        if content.catalog.holders[target] != nil { try await unmountImage(at: target) }
        do {
            let layers = try await hold(image, by: target)
            // Without an upper layer the kernel wants two lower ones.
            let lower = layers.count < 2 ? layers + [directories.empty] : layers
            let stack = layers.isEmpty ? [directories.empty, directories.root] : lower
            let options = Self.context(label)
            try await BlockingPool.shared.run {
                let shifted = try userNamespace.map { try ShiftedLayers(stack, userNamespace: $0, directory: "\(target).layers") }
                defer { shifted?.detach() }
                let overlay = Overlay(lower: shifted?.paths ?? stack, options: options, scratch: "\(target).mounting")
                try overlay.mount(at: target)
            }
        } catch {
            let failure = ImageError(error, "mounting the image \(image.id) at \(target)")
            try? await release(target)
            throw failure
        }
    }

    /// Ends what `mountImage` made. Idempotent.
    /// - Throws: `ImageError.storage`.
    public func unmountImage(at target: String) async throws(ImageError) {
        do {
            try await BlockingPool.shared.run { try Self.unmountAll(at: target) }
            try await release(target)
        } catch {
            throw ImageError(error, "unmounting the image at \(target)")
        }
    }

    /// The containers that have something here: a directory, a mount or an image held.
    /// - Throws: `ImageError.storage`.
    public func list() async throws(ImageError) -> [String] {
        let held = content.catalog.holders.keys.filter { Self.isName($0) }
        do {
            let there = try await BlockingPool.shared.run { [directories] in
                try Files.list(directories.changes) + (try Files.list(directories.mounts))
            }
            return Set(held + there).sorted()
        } catch {
            throw ImageError(error, "listing the root file systems")
        }
    }

    /// Directories where images are mounted by `mountImage`.
    public func mountedImages() -> [String] {
        content.catalog.holders.keys.filter { !Self.isName($0) }.sorted()
    }

    /// Where the file system is mounted that takes what containers write.
    public var mountPoint: String { content.mountPoint }

    /// What a container has written.
    /// - Throws: `ImageError.notFound`, `.storage`.
    public func usage(_ containerID: String) async throws(ImageError) -> (bytes: UInt64, inodes: UInt64) {
        let changes = "\(directories.changes)/\(containerID)/upper"
        do {
            let usage = try await BlockingPool.shared.run { try TreeUsage.measure(changes) }
            return (usage.bytes, usage.inodes)
        } catch {
            throw ImageError(error, "measuring what \(containerID) has written")
        }
    }

    /// What all containers have written.
    /// - Throws: `ImageError.storage`.
    public func totalUsage() async throws(ImageError) -> FilesystemUsage {
        let changes = directories.changes
        do {
            let usage = try await BlockingPool.shared.run { try TreeUsage.measure(changes) }
            return FilesystemUsage(mountpoint: content.mountPoint, bytes: usage.bytes, inodes: usage.inodes)
        } catch {
            throw ImageError(error, "measuring what containers have written")
        }
    }

    /// - Returns: the directories of the image's layers, the topmost first.
    private func hold(_ image: ImageRecord, by id: String) async throws -> [String] {
        try await content.change { try $0.hold(image.id, by: id) }
        return content.catalog.holders[id]?.layers.reversed().map(directories.layer) ?? []
    }

    /// Lets the image go, and with it layers that only this holder still needed.
    private func release(_ id: String) async throws {
        guard content.catalog.holders[id] != nil else { return }
        try await content.change { $0.release(id) }
    }

    /// The mount option of an SELinux context.
    private static func context(_ label: String?) -> [String] { label.map { ["context=\($0)"] } ?? [] }

    /// A container's id, as opposed to a directory; never a way out of ours.
    private static func isName(_ text: String) -> Bool { !text.isEmpty && !text.contains("/") && text != "." && text != ".." }

    /// Ends every mount at a directory: several lie upon another if a crash came between.
    private static func unmountAll(at path: String) throws(SystemError) {
        while umount2(path, CInt(MNT_DETACH) | CInt(UMOUNT_NOFOLLOW)) == 0 {}
        guard errno == EINVAL || errno == ENOENT else { throw SystemError("umount", path) }
    }
}
