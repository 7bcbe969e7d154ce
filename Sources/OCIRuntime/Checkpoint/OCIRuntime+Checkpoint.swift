import FoundationEssentials
import Linux

/// A checkpoint to make a container's process of.
public struct RestoreRequest: Sendable, Equatable {
    /// The directory of CRIU's images.
    public var images: String
    /// The SELinux label of the process and of its mounts, where there is one.
    public var processLabel: String?
    public var mountLabel: String?

    public init(images: String, processLabel: String? = nil, mountLabel: String? = nil) {
        self.images = images
        self.processLabel = processLabel
        self.mountLabel = mountLabel
    }

    /// conmon's arguments for it.
    var arguments: [String] {
        var list = ["--restore", images]
        if let processLabel { list += ["--runtime-opt", "--lsm-profile=selinux:\(processLabel)"] }
        if let mountLabel { list += ["--runtime-opt", "--lsm-mount-context=\(mountLabel)"] }
        return list
    }
}

extension OCIRuntime {
    /// Writes the state of a container's processes into files. They go on afterwards, or stay paused if they were.
    /// - Parameters:
    ///   - images: a directory that is made, for CRIU's images.
    ///   - work: a directory, for CRIU's log (`dump.log`) and figures (`stats-dump`).
    /// - Throws: `RuntimeError.refused` with CRIU's reason, `CommandTimeout`, `CancellationError`.
    public func checkpoint(_ id: String, images: String, work: String, timeout: Duration) async throws {
        let arguments = ["--file-locks", "--leave-running", "--image-path", images, "--work-path", work, id]
        let result = try await command(["checkpoint"] + arguments).run(timeout: timeout)
        guard !result.status.isSuccess else { return }
        let reason = try await BlockingPool.shared.run { CRIULog.essence(file: "\(work)/dump.log") }
        throw RuntimeError.refused(
            operation: "checkpoint", container: id, message: reason ?? RuntimeMessage.essence(result.errorText))
    }

    /// Whether a container's processes are stopped where they are.
    /// - Throws: `RuntimeError.refused` where the runtime does not tell, `CommandTimeout`, `CancellationError`.
    public func isPaused(_ id: String) async throws -> Bool {
        struct State: Decodable { let status: String }
        let result = try await command(["state", id]).run(timeout: .seconds(60))
        guard result.status.isSuccess else {
            throw RuntimeError.refused(operation: "state", container: id, message: RuntimeMessage.essence(result.errorText))
        }
        do { return try JSONDecoder().decode(State.self, from: Data(result.output)).status == "paused" } catch {
            throw RuntimeError.refused(operation: "state", container: id, message: "its answer is no state of a container")
        }
    }
}
