import Glibc
import Linux
import Synchronization

/// What runtimes say of themselves, asked once a file: the kubelet asks for the node's status every few seconds.
public final class FeatureCache: Sendable {
    private struct Key: Hashable {
        let path: String
        let size: Int64
        /// Nanoseconds since the epoch.
        let changed: Int64

        /// Nil where there is no such file.
        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            self.path = path
            size = Int64(status.st_size)
            changed = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        }
    }

    private let known = Mutex<[Key: RuntimeFeatures]>([:])

    public init() {}

    /// The features of a runtime; without any where it has no such command or does not answer. An answer is kept until the file changes.
    public func features(of runtime: OCIRuntime) async -> RuntimeFeatures {
        guard let key = Key(runtime.handler.path) else { return RuntimeFeatures() }
        if let features = known.withLock({ $0[key] }) { return features }
        let features: RuntimeFeatures
        do { features = try await runtime.features() ?? RuntimeFeatures() } catch {
            runtime.logger.warning("the runtime does not tell its features", metadata: ["path": "\(key.path)", "error": "\(error)"])
            return RuntimeFeatures()
        }
        known.withLock { known in
            known = known.filter { $0.key.path != key.path }
            known[key] = features
        }
        return features
    }
}
