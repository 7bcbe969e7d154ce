import CDI
import Glibc
import Images
import Linux
import Networking
import OCIRuntime
import Registry
import Telemetry

extension Node {
    /// Any failure as the caller's error: those of the modules below keep their kind, others say what was being done.
    func nodeError(_ error: any Error, _ doing: String) -> NodeError { NodeError(error, doing) }

    /// The value, or nil where what was asked for is not there.
    func known<R>(_ body: () throws -> R) throws -> R? {
        do { return try body() } catch NodeError.notFound { return nil }
    }

    /// Runs work that must not stop half way because its caller left.
    func detached<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
        try await Task.detached { try await body() }.value
    }

    /// Waits for `body`, but answers shortly before the caller's deadline and says what was under way then.
    func untilDeadline<R: Sendable>(
        _ what: String, _ tracker: PhaseTracker, _ body: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        guard let deadline = RequestDeadline.current else { return try await body() }
        return try await withThrowingTaskGroup(of: R.self) { group in
            group.addTask { try await body() }
            group.addTask {
                // The answer needs a moment to reach the caller before it gives up.
                try await Task.sleep(until: deadline - .milliseconds(50))
                throw NodeError.deadlineExceeded("\(what): \(tracker.report); the work goes on, and the same request joins it")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }
}

extension NodeError {
    init(_ error: any Error, _ doing: String) {
        self =
            switch error {
            case let error as NodeError: error
            case let error as ImageError: NodeError(error)
            case let error as CheckpointError: NodeError(error, doing)
            case let error as SystemError where error.code == ENOSPC || error.code == EDQUOT:
                .resourceExhausted("\(doing): \(error): free space on that file system")
            case let error as SpecError: NodeError(error)
            case let error as CDIError: .invalidArgument("\(error)")
            case let error as NetworkError: NodeError(error, doing)
            case let error as PinError where error.subject.hasPrefix("/proc/sys/"):
                .invalidArgument("\(doing): the kernel does not take a sysctl: \(error.message)")
            case let error as CommandTimeout: .deadlineExceeded("\(doing): \(error)")
            // Its caller has left, or the daemon stops: the request as such may be sent again.
            case is CancellationError: .unavailable("\(doing): \(error)")
            default: .failed("\(doing): \(error)")
            }
    }

    /// A checkpoint that cannot be read is the request's fault; one that takes too long is nobody's.
    init(_ error: CheckpointError, _ doing: String) {
        switch error {
        case .malformed, .escapes, .tooLarge: self = .invalidArgument("\(doing): \(error)")
        case .outOfTime: self = .deadlineExceeded("\(doing): \(error)")
        }
    }

    /// A specification that cannot be built: the request is at fault, or the host.
    init(_ error: SpecError) {
        switch error {
        case .invalid(let text): self = .invalidArgument(text)
        case .unsupported(let text): self = .failedPrecondition(text)
        }
    }
}

extension NodeError {
    /// A pod's network that cannot be made or taken down. What may be mended without another request is UNAVAILABLE: the
    /// kubelet tries again.
    init(_ error: NetworkError, _ doing: String) {
        let text = "\(doing): \(error)"
        switch error {
        case .notReady, .pluginMissing: self = .unavailable(text)
        case .pluginTimeout: self = .deadlineExceeded(text)
        case .invalidRequest: self = .invalidArgument(text)
        case .notAttached: self = .failedPrecondition(text)
        case .plugin(_, _, _, let code, _, _): self = code == Self.tryAgainLater ? .unavailable(text) : .failed(text)
        case .pluginCrashed, .unreadableResult, .configuration, .unreadableAttachment, .system: self = .failed(text)
        }
    }

    /// CNI specification 1.1, section 5 "Error": the plugin wants to be asked again.
    private static let tryAgainLater = 11
}
