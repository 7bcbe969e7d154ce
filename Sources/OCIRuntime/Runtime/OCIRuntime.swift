import FoundationEssentials
import Linux
import Logging

/// Drives one OCI runtime (runc, crun) by its command line. Holds no state: a container is known by its id.
public struct OCIRuntime: Sendable {
    public let handler: RuntimeHandler
    let logger: Logger

    public init(handler: RuntimeHandler, logger: Logger) {
        self.handler = handler
        self.logger = logger
    }

    /// Lets the process of a created container go.
    /// - Throws: `RuntimeError.refused` with the runtime's own message.
    public func start(_ id: String) async throws {
        try await run("start", id, [id])
    }

    /// Lets the runtime forget a container whose process has ended, or end it: its state and its cgroup. Idempotent.
    public func delete(_ id: String) async throws {
        guard Files.exists("\(handler.root)/\(id)") else { return }
        let result = try await command(["delete", "--force", id]).run(timeout: .seconds(60))
        guard !result.status.isSuccess, Files.exists("\(handler.root)/\(id)") else { return }
        throw RuntimeError.refused(operation: "delete", container: id, message: RuntimeMessage.essence(result.errorText))
    }

    /// Changes the limits of a running container.
    /// - Parameter resources: the `linux.resources` object of the runtime specification, as JSON.
    public func update(_ id: String, resources: [UInt8]) async throws {
        try await run("update", id, ["--resources", "-", id], input: resources)
    }

    /// Stops all processes of a container where they are, or lets them go on.
    public func pause(_ id: String) async throws { try await run("pause", id, [id]) }
    public func resume(_ id: String) async throws { try await run("resume", id, [id]) }

    /// What `runtime features` says: the runtime specification's features.md. Nil where the runtime has no such command.
    /// - Throws: `SystemError` where it cannot be run, `CommandTimeout`.
    public func features() async throws -> RuntimeFeatures? {
        let result = try await Command(handler.path, ["features"], environment: environment).run(timeout: .seconds(10))
        guard result.status.isSuccess else { return nil }
        return try? JSONDecoder().decode(RuntimeFeatures.self, from: Data(result.output))
    }

    /// The first line of `runtime --version`.
    public func version() async throws -> String {
        let result = try await Command(handler.path, ["--version"], environment: environment).run(timeout: .seconds(10))
        return String(decoding: result.output.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    func run(_ operation: String, _ id: String, _ arguments: [String], input: [UInt8] = []) async throws {
        let result = try await command([operation] + arguments).run(input: input, timeout: .seconds(120))
        guard result.status.isSuccess else {
            throw RuntimeError.refused(operation: operation, container: id, message: RuntimeMessage.essence(result.errorText))
        }
    }

    func command(_ arguments: [String]) -> Command {
        Command(handler.path, handler.globalArguments + arguments, environment: environment)
    }

    /// The runtime finds its helpers (criu, newuidmap) by PATH and, with systemd, the bus by its address.
    var environment: [String: String] {
        ["PATH": Self.searchPath.joined(separator: ":"), "XDG_RUNTIME_DIR": "/run"]
    }

    /// Where runtimes look for their helpers.
    static let searchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
}

/// The parts of `runtime features` that are used here.
public struct RuntimeFeatures: Codable, Sendable {
    public var ociVersionMax: String?
    public var mountOptions: [String]?
    public var linux: Linux?

    public init() {}

    public struct Linux: Codable, Sendable {
        public var namespaces: [String]?
        public var capabilities: [String]?
        public var mountExtensions: MountExtensions?
    }

    public struct MountExtensions: Codable, Sendable {
        public var idmap: Switch?
    }

    public struct Switch: Codable, Sendable {
        public var enabled: Bool?
    }

    /// Whether mounts can be made read-only with all below them.
    public var recursiveReadOnly: Bool { mountOptions?.contains("rro") ?? false }
    /// Whether mounts can map ids, which volumes of pods with user namespaces need.
    public var idmappedMounts: Bool { linux?.mountExtensions?.idmap?.enabled ?? false }
}
