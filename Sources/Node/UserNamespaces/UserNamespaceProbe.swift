import Glibc
import Linux

/// Finds out whether pods can have user namespaces on this host: makes one, and looks at a root file system in it.
public struct UserNamespaceProbe: Sendable {
    private let root: String
    private let runRoot: String
    private let name: String
    private let pinner: NamespacePinner

    private var pins: String { "\(runRoot)/\(name)/ns" }
    private var target: String { "\(runRoot)/\(name)/rootfs" }
    private var files: String { "\(root)/\(name)" }
    /// Any mapping would do.
    private let sample = IDMap(containerID: 0, hostID: 1_000_000, length: 65536)

    /// - Parameters:
    ///   - root, runRoot: where images and what is mounted of them will lie.
    ///   - name: of the directories that are made in both, and that are removed again with what a crash left there.
    public init(root: String, runRoot: String, pinnerPath: String, name: String = "user-namespace-probe") {
        (self.root, self.runRoot, self.name) = (root, runRoot, name)
        pinner = NamespacePinner(executable: pinnerPath)
    }

    /// - Returns: why they cannot and what to do; nil where they can.
    public func refusal() async -> String? {
        let reason: String?
        do {
            try await cleanUp()
            reason = try await attempt()
        } catch {
            reason = "\(error)"
        }
        try? await cleanUp()
        return reason
    }

    private func attempt() async throws -> String? {
        if let obstacle = try await BlockingPool.shared.run({ obstacle() }) { return obstacle }
        try await BlockingPool.shared.run {
            for directory in [pins, target, "\(files)/layer/file", "\(files)/upper", "\(files)/work"] {
                try Files.makeDirectories(directory)
            }
        }
        var request = NamespaceRequest(directory: pins)
        (request.uidMap, request.gidMap) = ([sample], [sample])
        guard let namespace = try await pinner.pin(request).user else { return "no user namespace was made" }
        return try await BlockingPool.shared.run { try look(namespace) }
    }

    /// What can be said without trying.
    private func obstacle() -> String? {
        guard let text = try? Files.readText("/proc/sys/user/max_user_namespaces") else { return "the kernel has no user namespaces" }
        if Int(text.filter(\.isNumber)) == 0 { return "there may be none: raise the sysctl user.max_user_namespaces" }
        return Self.closedDirectory(above: runRoot).map { "the root of a pod's namespace cannot pass through \($0): chmod o+x \($0)" }
    }

    /// The mapped user of a root file system is a stranger to the directories above it, whatever its rights inside.
    static func closedDirectory(above path: String) -> String? {
        var (status, directory) = (stat(), "")
        for part in path.split(separator: "/") {
            directory += "/\(part)"
            if stat(directory, &status) == 0, status.st_mode & S_IXOTH == 0 { return directory }
        }
        return nil
    }

    private func look(_ userNamespace: String) throws -> String? {
        let namespace = try OwnedDescriptor.open(userNamespace, O_RDONLY)
        let shifted = "\(files)/shifted"
        try Files.makeDirectories(shifted)
        do { try Mounts.bindShifted("\(files)/layer", at: shifted, userNamespace: namespace) } catch {
            return "the file system of \(root) has no ID-mapped mounts: use another for it (ext4, xfs, btrfs) or a newer kernel (\(error))"
        }
        let tooOld = "the kernel's overlay takes no ID-mapped layers, which needs Linux 5.19"
        guard !KernelFeature.overlayOnShiftedLayers.isWithheld else { return tooOld }
        let overlay = Overlay(lower: [shifted], changes: ("\(files)/upper", "\(files)/work"), scratch: "\(files)/mounting")
        do { try overlay.mount(at: target) } catch { return "\(tooOld) (\(error))" }
        var status = stat()
        try check("stat", target) { stat("\(target)/file", &status) }
        return status.st_uid == sample.hostID ? nil : "an ID-mapped root file system shows the owner \(status.st_uid), not \(sample.hostID)"
    }

    private func cleanUp() async throws {
        try await pinner.unpin(directory: pins)
        try await BlockingPool.shared.run {
            for directory in ["\(runRoot)/\(name)", files] {
                try Mounts.unmountAll(below: directory)
                try Files.removeTree(directory)
            }
        }
    }
}
