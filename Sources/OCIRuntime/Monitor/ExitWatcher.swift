import Linux

/// A container's end, as its monitor wrote it.
public struct ContainerExitEvent: Sendable, Equatable {
    public let containerID: String
    public let code: Int32
    /// Nanoseconds since the epoch.
    public let time: Int64
}

/// Follows the directory into which conmon writes an entry for each container that ends.
public enum ExitWatcher {
    /// The ends from now on; entries that are there already are found by `OCIRuntime.observe`.
    /// - Throws: `SystemError`.
    public static func events(directory: String) throws -> AsyncStream<ContainerExitEvent> {
        let changes = try FileWatcher.changes(of: [directory])
        return AsyncStream { continuation in
            let task = Task {
                for await path in changes {
                    let name = String(path.split(separator: "/").last ?? "")
                    // conmon writes a temporary file beside it and renames.
                    guard !name.contains("."), let file = try? await BlockingPool.shared.run({ ExitFile.read(path) }),
                        case .exited(let code, let time) = Observation.decide(
                            exitFile: file, process: (alive: false, started: false), monitorAlive: false, rebooted: false)
                    else { continue }
                    continuation.yield(ContainerExitEvent(containerID: name, code: code, time: time))
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
