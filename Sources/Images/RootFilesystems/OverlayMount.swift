import Glibc
import Linux

/// One container's overlay. Blocks.
struct OverlayMount: Sendable {
    /// Directories, the topmost first.
    let layers: [String]
    /// Gets `upper` and `work`.
    let changes: String
    let target: String
    let options: [String]
    /// A user namespace's file, whose mapping the layers are shown with.
    let userNamespace: String?

    /// - Throws: `SystemError`.
    func make() throws {
        let (upper, work) = ("\(changes)/upper", "\(changes)/work")
        for directory in [upper, work, target] { try Files.makeDirectories(directory, mode: 0o700) }
        guard let userNamespace else {
            return try mount(layers, upper, work)
        }
        let shifted = try ShiftedLayers(layers, userNamespace: userNamespace, directory: "\(changes)/lower")
        defer { shifted.detach() }
        try mount(shifted.paths, upper, work)
    }

    private func mount(_ lower: [String], _ upper: String, _ work: String) throws {
        if let top = lower.first { try copyLooks(of: top, to: upper) } else { chmod(upper, 0o755) }
        guard !lower.isEmpty else { return try Mounts.bind(upper, at: target) }
        // What a container writes does not outlive it.
        let overlay = Overlay(lower: lower, changes: (upper, work), options: options, isVolatile: true, scratch: "\(changes)/mounting")
        try overlay.mount(at: target)
    }

    /// The root that shows is the upper directory: it is to look like the image's.
    private func copyLooks(of layer: String, to upper: String) throws(SystemError) {
        var status = stat()
        try check("stat", layer) { stat(layer, &status) }
        try check("chown", upper) { chown(upper, status.st_uid, status.st_gid) }
        try check("chmod", upper) { chmod(upper, status.st_mode & 0o7777) }
    }
}
