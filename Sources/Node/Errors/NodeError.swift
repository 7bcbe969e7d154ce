/// Everything that can go wrong on a node, as its caller sees it. A message says what failed, on what, and what to do.
/// CRIService maps each case to a gRPC status, in one place.
public enum NodeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no such pod, container or image.
    case notFound(String)
    /// The request cannot be fulfilled as it stands, whatever the node's state.
    case invalidArgument(String)
    /// The name is taken by something else.
    case alreadyExists(String)
    /// The request does not fit the state that the pod or container is in.
    case failedPrecondition(String)
    /// Time was up; the message names the phase that was under way.
    case deadlineExceeded(String)
    /// Something outside the daemon does not answer; the same request may succeed later.
    case unavailable(String)
    /// A limit of the node is reached: disk, memory, processes.
    case resourceExhausted(String)
    /// The credentials are wrong or missing.
    case unauthenticated(String)
    /// Swiftlet does not do this.
    case unimplemented(String)
    /// A step failed for another reason.
    case failed(String)

    public var description: String {
        switch self {
        case .notFound(let text), .invalidArgument(let text), .alreadyExists(let text), .failedPrecondition(let text),
            .deadlineExceeded(let text), .unavailable(let text), .resourceExhausted(let text), .unauthenticated(let text),
            .unimplemented(let text), .failed(let text):
            text
        }
    }
}
