import GRPCCore
import Node

/// The one place where the node's errors become gRPC statuses.
extension NodeError: RPCErrorConvertible {
    public var rpcErrorCode: RPCError.Code {
        switch self {
        case .notFound: .notFound
        case .invalidArgument: .invalidArgument
        case .alreadyExists: .alreadyExists
        case .failedPrecondition: .failedPrecondition
        case .deadlineExceeded: .deadlineExceeded
        case .unavailable: .unavailable
        case .resourceExhausted: .resourceExhausted
        case .unauthenticated: .unauthenticated
        case .unimplemented: .unimplemented
        case .failed: .internalError
        }
    }

    public var rpcErrorMessage: String { description }
}
