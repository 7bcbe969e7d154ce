import FoundationEssentials
import Glibc
import Linux
import OCI

/// A command to run in a running container.
public struct ExecRequest: Sendable {
    public var containerID: String
    public var bundle: String
    public var command: [String]
    public var terminal: Bool

    public init(containerID: String, bundle: String, command: [String], terminal: Bool = false) {
        self.containerID = containerID
        self.bundle = bundle
        self.command = command
        self.terminal = terminal
    }

    /// The container's own process with another command: the same user, environment, capabilities and limits.
    func process(like container: Spec.Process) -> Spec.Process {
        var process = container
        process.args = command
        process.terminal = terminal
        process.consoleSize = nil
        if terminal, !(process.env ?? []).contains(where: { $0.hasPrefix("TERM=") }) {
            process.env = (process.env ?? []) + ["TERM=xterm"]
        }
        return process
    }
}

/// The files of one exec in the container's bundle: what to run, and its process's number.
struct ExecFiles: Sendable {
    let specification: String
    let pidFile: String

    init(bundle: String) {
        let name = "\(bundle)/exec-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        specification = name + ".json"
        pidFile = name + ".pid"
    }

    /// Blocks.
    func write(_ request: ExecRequest) throws {
        let container = try JSONDecoder().decode(
            Spec.Process.self, from: Data(try Files.readBytes(ProcessFile.path(bundle: request.bundle))))
        let bytes = [UInt8](try JSONEncoder().encode(request.process(like: container)))
        let file = try OwnedDescriptor.open(specification, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(file.raw, $0.baseAddress, $0.count) }
            guard count > 0 else { throw SystemError("write", specification) }
            done += count
        }
    }

    /// The process in the container, as soon as the runtime has written it.
    var pid: Int32? { (try? Files.readText(pidFile)).flatMap { Int32($0) } }

    func remove() {
        unlink(specification)
        unlink(pidFile)
    }
}

/// The container's own process as a file beside config.json, so that an exec need not read all of that.
public enum ProcessFile {
    public static func path(bundle: String) -> String { "\(bundle)/process.json" }
}
