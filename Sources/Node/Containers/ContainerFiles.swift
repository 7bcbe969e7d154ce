import Linux

/// The files of a container: the bundle below the run directory. Its root file system is the images' business, and its
/// log is where the kubelet wants it.
struct ContainerFiles: Sendable {
    /// `<runroot>/containers`.
    let root: String

    func bundle(_ id: String) -> String { "\(root)/\(id)" }

    /// Removes the bundle; idempotent. Blocks.
    func remove(_ id: String) throws {
        try Mounts.unmountAll(below: bundle(id))
        try Files.removeTree(bundle(id))
    }
}
