import Logging
import OCIRuntime

/// The runtime handlers that pods choose from.
struct RuntimeHandlers: Sendable {
    private let runtimes: [String: OCIRuntime]
    private let defaultName: String

    init(_ handlers: [RuntimeHandler], defaultName: String, logger: Logger) {
        runtimes = Dictionary(handlers.map { ($0.name, OCIRuntime(handler: $0, logger: logger)) }) { $1 }
        self.defaultName = defaultName
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

    /// What the runtimes say of themselves, by their handlers' names; without those that say nothing.
    func features() async -> [String: RuntimeFeatures] {
        await withTaskGroup(of: (String, RuntimeFeatures?).self) { group in
            for (name, runtime) in runtimes { group.addTask { (name, await runtime.features()) } }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    /// The runtime that a pod was made with.
    func runtime(of pod: PodRecord) throws(NodeError) -> OCIRuntime { try runtime(pod.runtimeHandler) }
}
