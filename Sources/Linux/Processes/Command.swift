import CLinux
import Glibc

/// A program to run: its file, arguments, environment and the descriptors it gets.
public struct Command: Sendable {
    /// The program's file. Without a slash it is looked up in the daemon's PATH.
    public var executable: String
    /// The arguments after the program's own name.
    public var arguments: [String]
    /// The whole environment; nothing of the daemon's is inherited.
    public var environment: [String: String]
    /// The directory it starts in; the daemon's where nil.
    public var workingDirectory: String?
    /// The child's descriptor number → ours. 0, 1 and 2 are /dev/null unless named; no other is inherited.
    public var descriptors: [CInt: CInt]
    /// Whether it leads a session, and so a process group, of its own.
    public var newSession: Bool

    public init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        workingDirectory: String? = nil, descriptors: [CInt: CInt] = [:], newSession: Bool = false
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.descriptors = descriptors
        self.newSession = newSession
    }

    /// Starts the program.
    /// - Throws: `SystemError`, with ENOENT where there is no such program.
    public func spawn() async throws -> ChildProcess {
        try await BlockingPool.shared.run { try spawnNow() }
    }

    /// Starts the program, on the calling thread: posix_spawn(3) waits until the child has executed it.
    public func spawnNow() throws(SystemError) -> ChildProcess {
        let file = try Command.find(executable)
        let null = try OwnedDescriptor.open("/dev/null", O_RDWR)
        var table = descriptors
        for standard: CInt in 0...2 where table[standard] == nil { table[standard] = null.raw }
        let children = Array(table.keys)
        let parents = children.map { table[$0] ?? -1 }
        var pid: pid_t = -1
        let error = withCStrings([executable] + arguments) { argv in
            withCStrings(environment.map { "\($0.key)=\($0.value)" }) { envp in
                clinux_spawn(&pid, file, argv, envp, workingDirectory, children, parents, children.count, newSession ? 1 : 0)
            }
        }
        guard error == 0 else { throw SystemError("spawn", code: error, executable) }
        return try ChildProcess(pid: pid, leadsGroup: newSession)
    }

    /// The file of a program: the name itself if it has a slash, else the first executable of that name in PATH.
    /// - Throws: `SystemError` with ENOENT.
    public static func find(_ name: String) throws(SystemError) -> String {
        if name.contains("/") { return name }
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        // A service manager may give a short PATH; the runtimes live in sbin on many distributions.
        let directories =
            path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        for directory in directories where access("\(directory)/\(name)", X_OK) == 0 { return "\(directory)/\(name)" }
        throw SystemError("find in PATH", code: ENOENT, name)
    }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let copies = strings.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    return body(copies + [nil])
}
