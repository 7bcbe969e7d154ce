import CLinux
import CRI
import Glibc
import Images
import Linux
import OCIRuntime

/// What a container's specification needs to know of the host and of the image's files. Blocks.
struct HostLookUp: Sendable {
    let user: ResolvedUser
    let mounts: [ResolvedMount]

    static func run(
        _ config: Runtime_V1_ContainerConfig, image: ImageRecord, rootfs: String, volumes: [ImageVolume],
        mountPrefix: String = "", rejectedSources: [String]
    ) throws -> HostLookUp {
        let root = try OwnedDescriptor.open(rootfs, O_RDONLY | O_DIRECTORY)
        let accounts = AccountFiles(passwd: read("etc/passwd", in: root), group: read("etc/group", in: root))
        let user = try ResolvedUser.resolve(
            config.linux.securityContext, imageUser: image.configuration.config?.user ?? "", accounts: accounts)
        var wanted = config.mounts.filter { $0.image.image.isEmpty }
        if !mountPrefix.isEmpty {
            for index in wanted.indices where !wanted[index].hostPath.isEmpty {
                wanted[index].hostPath = try HostPrefix.resolve(wanted[index].hostPath, below: mountPrefix)
            }
        }
        let mounts = try HostPaths.resolve(wanted, table: try MountTable.read(), rejected: rejectedSources)
        return HostLookUp(user: user, mounts: mounts + (try volumes.map(resolve)))
    }

    /// A file of the image, found beneath its root whatever its links say; empty where it is not there.
    private static func read(_ path: String, in root: OwnedDescriptor) -> [UInt8] {
        // O_PATH (0x20_0000) opens no device and waits for no FIFO: it is looked at first.
        let raw = clinux_openat2(root.raw, path, UInt64(0x20_0000 | O_CLOEXEC), 0, UInt64(0x10))
        guard raw >= 0 else { return [] }
        let file = OwnedDescriptor(raw)
        var status = stat()
        // A FIFO or a device would never end, a huge file never fit.
        guard fstat(file.raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= 16 << 20 else { return [] }
        return (try? Files.readBytes("/proc/self/fd/\(file.raw)")) ?? []
    }

    /// An image volume as a mount of the directory that its sub-path names, beneath the image's root.
    private static func resolve(_ volume: ImageVolume) throws -> ResolvedMount {
        let mount = volume.mount
        guard !mount.imageSubPath.isEmpty else { return ResolvedMount(mount: mount, source: volume.path) }
        let root = try OwnedDescriptor.open(volume.path, O_RDONLY | O_DIRECTORY)
        // O_PATH: what it is needs not be opened to be mounted, and a FIFO or a device is not to be.
        let raw = clinux_openat2(root.raw, mount.imageSubPath, UInt64(0x20_0000 | O_CLOEXEC), 0, UInt64(0x10))
        guard raw >= 0 else {
            throw NodeError.invalidArgument(
                "the image \(mount.image.image) has no '\(mount.imageSubPath)' (imageSubPath): \(SystemError("open"))")
        }
        let found = OwnedDescriptor(raw)
        var status = stat()
        guard fstat(found.raw, &status) == 0, [S_IFDIR, S_IFREG].contains(status.st_mode & S_IFMT) else {
            throw NodeError.invalidArgument(
                "'\(mount.imageSubPath)' (imageSubPath) in the image \(mount.image.image) is neither a directory nor a file")
        }
        guard let path = realpath("/proc/self/fd/\(found.raw)", nil) else { throw SystemError("realpath", mount.imageSubPath) }
        defer { free(path) }
        return ResolvedMount(mount: mount, source: String(cString: path))
    }
}
