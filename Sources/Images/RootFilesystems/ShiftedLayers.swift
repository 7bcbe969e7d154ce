import Glibc
import Linux

/// Layers as a user namespace sees them: bound with its id mapping. An overlay keeps them after they are detached from the tree.
struct ShiftedLayers {
    /// In the order of the layers.
    let paths: [String]

    /// - Parameters:
    ///   - userNamespace: the namespace's file.
    ///   - directory: gets a directory for each layer.
    /// - Throws: `SystemError`, with EINVAL where the layers' file system cannot shift ids.
    init(_ layers: [String], userNamespace: String, directory: String) throws {
        let namespace = try OwnedDescriptor.open(userNamespace, O_RDONLY)
        var made: [String] = []
        do {
            for (index, layer) in layers.enumerated() {
                let target = "\(directory)/\(index)"
                try Files.makeDirectories(target, mode: 0o700)
                try Mounts.bindShifted(layer, at: target, userNamespace: namespace)
                made.append(target)
            }
        } catch {
            Self.detach(made)
            throw error
        }
        paths = made
    }

    func detach() { Self.detach(paths) }

    private static func detach(_ paths: [String]) {
        for path in paths { try? Mounts.unmount(path) }
    }
}
