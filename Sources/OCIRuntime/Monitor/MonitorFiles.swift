import Glibc
import Linux

/// What conmon writes and reads in a container's bundle.
public struct MonitorFiles: Sendable {
    public let bundle: String

    public init(bundle: String) { self.bundle = bundle }

    /// The number of the container's first process.
    public var pidFile: String { "\(bundle)/pidfile" }
    public var monitorPidFile: String { "\(bundle)/conmon.pid" }
    /// A sequenced-packet socket for attach.
    public var attachSocket: String { "\(bundle)/attach" }
    /// A FIFO that takes resize and reopen messages, a line each.
    public var control: String { "\(bundle)/ctl" }
}

/// An entry of the exit directory: the code as text, the time as the file's own.
enum ExitFile {
    static func read(_ path: String) -> (text: String, time: Int64)? {
        var status = stat()
        guard stat(path, &status) == 0, let text = try? Files.readText(path) else { return nil }
        return (text, Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec))
    }
}
