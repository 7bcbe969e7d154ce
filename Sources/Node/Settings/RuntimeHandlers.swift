import Glibc
import Logging
import OCIRuntime

/// The runtime handlers that pods choose from.
struct RuntimeHandlers: Sendable {
    private let runtimes: [String: OCIRuntime]
    private let defaultName: String
    private let logger: Logger
    let features = FeatureCache()

    init(_ handlers: [RuntimeHandler], defaultName: String, logger: Logger) {
        runtimes = Dictionary(handlers.map { ($0.name, OCIRuntime(handler: $0, logger: logger)) }) { $1 }
        self.defaultName = defaultName
        self.logger = logger
    }

    var names: [String] { runtimes.keys.sorted() }

    /// The handler of a name; the default one for an empty name.
    /// - Throws: `NodeError.invalidArgument` naming those that there are.
    func handler(_ name: String) throws(NodeError) -> RuntimeHandler { try runtime(name).handler }

    func runtime(_ name: String) throws(NodeError) -> OCIRuntime {
        if let runtime = runtimes[name.isEmpty ? defaultName : name] { return runtime }
        throw .invalidArgument(
            "there is no runtime handler '\(name)': configured are \(names.joined(separator: ", ")) (see [crio.runtime.runtimes])")
    }

    /// What the runtimes say of themselves, by their handlers' names.
    func allFeatures() async -> [String: RuntimeFeatures] {
        await withTaskGroup(of: (String, RuntimeFeatures).self) { group in
            for (name, runtime) in runtimes { group.addTask { (name, await features.features(of: runtime)) } }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    /// The runtime that a pod was made with, whatever the configuration has become: its containers are known to no other.
    func runtime(of pod: PodRecord) throws(NodeError) -> OCIRuntime {
        guard let made = pod.runtime else { return try runtime(pod.runtimeHandler) }
        var kept = try handler(runtimes[pod.runtimeHandler] == nil ? "" : pod.runtimeHandler)
        kept.name = pod.runtimeHandler
        kept.root = made.root
        kept.usesSystemdCgroups = made.usesSystemdCgroups
        // A runtime that was moved is found where the configuration says, as long as it is the same one.
        if access(made.path, X_OK) == 0 || runtimes[pod.runtimeHandler] == nil { kept.path = made.path }
        return OCIRuntime(handler: kept, logger: logger)
    }
}

/// What of a runtime handler must stay the same as long as a pod made with it is there.
struct PodRuntime: Codable, Sendable, Equatable {
    /// The OCI runtime's file.
    let path: String
    /// Where it keeps its state.
    let root: String
    let usesSystemdCgroups: Bool

    init(_ handler: RuntimeHandler) { (path, root, usesSystemdCgroups) = (handler.path, handler.root, handler.usesSystemdCgroups) }
}
