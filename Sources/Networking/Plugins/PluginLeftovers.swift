import Linux
import Logging
import Synchronization

/// Plugins that a daemon which was killed has left at work. They go on without it, and what they make would outlive a DEL that is quicker
/// than they are: a pod's next command waits for their end.
final class PluginLeftovers: Sendable {
    private let path: String
    private let deadline: ContinuousClock.Instant
    private let logger: Logger
    private let pods: Mutex<Set<String>>

    /// Looks for them. Blocks.
    /// - Parameters:
    ///   - directories: The plugins', which tell this daemon's from those of another one on the host.
    ///   - limit: How long they may take from now on.
    init(directories: [String], limit: Duration, logger: Logger) throws(SystemError) {
        path = directories.joined(separator: ":")
        deadline = .now + limit
        self.logger = logger
        let path = path
        pods = Mutex(Set(try HostProcess.all().compactMap { Self.podID($0, path: path) }))
    }

    /// The pod that a process works for; nil for what is no plugin of ours, nor a program that one runs.
    private static func podID(_ process: HostProcess, path: String) -> String? {
        process["CNI_PATH"] == path ? process["CNI_CONTAINERID"] : nil
    }

    /// The pods that have some.
    var podIDs: Set<String> { pods.withLock { $0 } }

    /// Waits until those of a pod have ended; those that do not end in time are killed.
    /// - Throws: `NetworkError.system`.
    func end(of podID: String) async throws(NetworkError) {
        guard pods.withLock({ $0.contains(podID) }) else { return }
        do {
            while true {
                // Again each time: what is found may start more.
                let found = try await BlockingPool.shared.run { [path] in try HostProcess.all().filter { Self.podID($0, path: path) == podID } }
                if found.isEmpty { break }
                logger.notice("waiting for plugins of a daemon before this one", metadata: ["pod": "\(podID)", "processes": "\(found.map(\.pid))"])
                for process in found { try await process.end(by: deadline) }
            }
        } catch { throw .system("plugins that were at work for the pod when the daemon stopped: \(error)") }
        _ = pods.withLock { $0.remove(podID) }
    }
}
