import CRI
import FoundationEssentials
import GRPCCore
import Glibc
import Linux
import Testing

/// A swiftlet of a test's own: everything that it makes lies beneath one directory, one bridge and one cgroup.
actor Daemon {
    nonisolated let directory: String
    nonisolated let network: TestNetwork
    nonisolated let kubelet: Kubelet
    /// Added to the daemon's environment.
    private nonisolated let variables: [String: String]
    nonisolated var socket: String { "\(directory)/swiftlet.sock" }
    nonisolated var root: String { "\(directory)/root" }
    nonisolated var runroot: String { "\(directory)/run" }
    nonisolated var logFile: String { "\(directory)/log" }
    private var process: ChildProcess?

    private init(directory: String, network: TestNetwork, kubelet: Kubelet, variables: [String: String]) {
        self.directory = directory
        self.network = network
        self.kubelet = kubelet
        self.variables = variables
    }

    /// Runs `body` with a daemon that serves, then ends it and checks that nothing is left of its pods.
    /// - Parameters:
    ///   - configuration: added to the configuration file.
    ///   - variables: added to the daemon's environment.
    static func during(
        networked: Bool = true, configuration: String = "", variables: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (Daemon) async throws -> Void
    ) async throws {
        let directory = try makeTemporaryDirectory()
        // The root of a user namespace has to pass.
        try check("chmod", directory) { chmod(directory, 0o711) }
        let network = TestNetwork(directory: directory)
        if networked { try network.write() }
        try configure(directory, network, configuration)
        try await shell("sysctl -qw net.ipv4.ip_forward=1")
        let transport = try Kubelet.transport(to: "\(directory)/swiftlet.sock")
        try await withGRPCClient(transport: transport) { client in
            let kubelet = Kubelet(
                runtime: .init(wrapping: client), images: .init(wrapping: client), logs: "\(directory)/logs",
                cgroupParent: Combination.current.parent(network.name))
            let daemon = Daemon(directory: directory, network: network, kubelet: kubelet, variables: variables)
            do {
                try await daemon.start()
                try await body(daemon)
                try await daemon.wind(down: sourceLocation)
            } catch {
                await daemon.tell()
                try await daemon.destroy()
                throw error
            }
            try await daemon.destroy()
        }
    }

    /// The directory of the programs that were built with the tests.
    static func program(_ name: String) throws -> String {
        let own = try #require(readLink("/proc/self/exe"), "no /proc")
        return own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/" + name
    }

    nonisolated var arguments: [String] {
        [
            "serve", "--config", "\(directory)/swiftlet.conf", "--config-dir", "\(directory)/swiftlet.conf.d", "--root", root, "--runroot",
            runroot, "--listen", socket, "--log-level", "debug",
        ]
    }

    nonisolated var environment: [String: String] {
        ["PATH": searchPath].merging(variables) { $1 }
    }

    /// Starts the daemon and waits until it serves.
    func start() async throws {
        let log = try OwnedDescriptor.open(logFile, O_WRONLY | O_CREAT | O_APPEND)
        let command = Command(
            try Daemon.program("swiftlet"), arguments, environment: environment, descriptors: [1: log.raw, 2: log.raw], newSession: true)
        process = try await command.spawn()
        try await kubelet.served()
    }

    var pid: Int32 {
        get throws { try #require(process, "the daemon is not running").pid }
    }

    /// Ends the daemon with a signal and waits for its end.
    @discardableResult
    func end(_ signal: Int32 = SIGTERM) async throws -> Linux.ExitStatus {
        let process = try #require(process, "the daemon is not running")
        self.process = nil
        try process.signal(signal)
        return try await process.wait()
    }

    /// Waits for the end of a daemon that something else ends.
    func ended() async throws {
        _ = try await #require(process, "the daemon is not running").wait()
        process = nil
    }

    func restart(_ signal: Int32 = SIGTERM) async throws {
        try await end(signal)
        try await start()
    }

    /// Puts a file beside the configuration, has the daemon read it and waits until it says that it did. @ is the daemon's directory.
    nonisolated func reload(_ configuration: String, says answer: String = "configuration reloaded") async throws {
        let text = configuration.split(separator: "@", omittingEmptySubsequences: false).joined(separator: directory)
        try Files.makeDirectories("\(directory)/swiftlet.conf.d")
        try Files.write(text, creating: "\(directory)/swiftlet.conf.d/50-test.conf")
        let before = try logLines(with: answer)
        try await shell("kill -HUP \(try await pid)")
        try await eventually("the daemon says '\(answer)'") { try logLines(with: answer) > before }
    }

    private nonisolated func logLines(with text: String) throws -> Int {
        try Files.readText(logFile).split(separator: "\n").count { $0.contains(text) }
    }

    /// Removes the pods as a client would, ends the daemon and looks for leaks.
    private func wind(down sourceLocation: SourceLocation) async throws {
        if process == nil { try await start() }
        try await kubelet.removeAllPods()
        #expect(try await end() == .exited(0), "SIGTERM ends the daemon cleanly", sourceLocation: sourceLocation)
        try await LeakCheck(directory: directory, network: network).expectNone(sourceLocation: sourceLocation)
    }

    /// Prints the end of the daemon's log, for a test that failed.
    private func tell() async {
        let text = (try? await shell("tail -n 60 \(logFile)")) ?? "none"
        print("-- the end of the daemon's log, \(logFile):\n\(text)--")
    }

    /// Leaves nothing on the machine, whatever the test did.
    private func destroy() async throws {
        if process != nil { try await end(SIGKILL) }
        try await LeakCheck(directory: directory, network: network).destroy()
    }

    private static func configure(_ directory: String, _ network: TestNetwork, _ more: String) throws {
        try Files.makeDirectories("\(directory)/logs")
        try Files.makeDirectories(network.plugins)
        try Files.write(
            """
            unqualified-search-registries = ["\(Lab.current.registry)"]

            [[registry]]
            location = "\(Lab.current.registry)"
            insecure = true

            [[registry]]
            prefix = "registry.example"
            location = "\(Lab.current.registry)"
            insecure = true

            """, creating: "\(directory)/registries.conf")
        try Files.write(#"{"default":[{"type":"insecureAcceptAnything"}]}"#, creating: "\(directory)/policy.json")
        try Files.write(
            """
            [crio.runtime]
            \(Combination.current.configuration)

            [crio.image]
            registries_conf = "\(directory)/registries.conf"
            registries_conf_dir = "\(directory)/registries.conf.d"
            signature_policy = "\(directory)/policy.json"
            signature_policy_dir = "\(directory)/policies"

            [crio.network]
            network_dir = "\(network.configurations)"
            plugin_dirs = ["\(network.plugins)", "/opt/cni/bin", "/usr/lib/cni"]

            \(more)

            """, creating: "\(directory)/swiftlet.conf")
    }
}

extension Files {
    /// Writes a new file.
    static func write(_ text: String, creating path: String) throws {
        try writeAtomically(Array(text.utf8), to: path, mode: 0o644)
    }
}

/// Where a symbolic link points; nil where it is not one.
func readLink(_ path: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: path)
}
