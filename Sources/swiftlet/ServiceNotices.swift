import CRIService
import Glibc
import Linux
import Logging
import Node

/// What the service manager is told of the daemon. Where it cannot be told, the daemon goes on without.
struct ServiceNotices: Sendable {
    private let manager: ServiceManager?
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
        var environment: [String: String] = [:]
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { environment[name] = getenv(name).map { String(cString: $0) } }
        manager = ServiceManager(environment: environment)
    }

    func tell(_ state: ServiceManager.State) {
        do { try manager?.tell(state) } catch { logger.warning("the service manager is not told", metadata: ["error": "\(error)"]) }
    }

    /// Gives the manager's watchdog its signs of life, as long as the daemon answers: it asks its own socket, as a client would, on the
    /// threads that serve all others. Ends when the task is cancelled.
    func giveSigns(of node: Node, at socket: String) async throws {
        guard let interval = manager?.watchdog.map({ $0 / 3 }) else { return try await Task.sleep(for: .seconds(Int64.max / 4)) }
        while true {
            do {
                try await ServerProbe(socket: socket).run(within: interval)
                _ = node.inventory.pods()
                tell(.watchdog)
            } catch {
                try Task.checkCancellation()
                logger.error("the daemon does not answer itself: the service manager's watchdog gets no sign", metadata: ["error": "\(error)"])
            }
            try await Task.sleep(for: interval)
        }
    }
}
