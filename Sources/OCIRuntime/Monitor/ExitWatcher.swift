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
                    // Anything may have come: what is told twice is no news to those who listen.
                    let paths = path == directory ? await entries(of: directory) : [path]
                    for path in paths { if let event = await event(path) { continuation.yield(event) } }
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private static func entries(of directory: String) async -> [String] {
        ((try? await BlockingPool.shared.run { try Files.list(directory) }) ?? []).map { "\(directory)/\($0)" }
    }

    private static func event(_ path: String) async -> ContainerExitEvent? {
        let name = String(path.split(separator: "/").last ?? "")
        // conmon writes a temporary file beside it and renames.
        guard !name.contains("."), let file = try? await BlockingPool.shared.run({ ExitFile.read(path) }),
            case .exited(let code, let time) = Observation.decide(
                exitFile: file, process: (alive: false, started: false), monitorAlive: false, rebooted: false)
        else { return nil }
        return ContainerExitEvent(containerID: name, code: code, time: time)
    }
}
