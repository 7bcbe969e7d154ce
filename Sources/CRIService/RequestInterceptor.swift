import GRPCCore
import Linux
import Logging
import Node

/// What every request goes through: its deadline is taken up, its failure becomes a status and a line in the log.
public struct RequestInterceptor: ServerInterceptor {
    private let logger: Logger

    public init(logger: Logger) { self.logger = logger }

    public func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let start = ContinuousClock.now
        let timeout = request.metadata[stringValues: "grpc-timeout"].first { _ in true }.flatMap(GRPCTimeout.parse)
        do {
            let response = try await RequestDeadline.$current.withValue(timeout.map { start + $0 }) {
                try await next(request, context)
            }
            logger.debug("served", metadata: ["method": "\(context.descriptor.method)", "took": "\(ContinuousClock.now - start)"])
            return response
        } catch {
            let status = Self.status(of: error)
            logger.log(
                level: status.code == .notFound || status.code == .unimplemented ? .debug : .error, "request failed",
                metadata: [
                    "method": "\(context.descriptor.method)", "code": "\(status.code)", "error": "\(status.message)",
                    "took": "\(ContinuousClock.now - start)",
                ])
            throw status
        }
    }

    static func status(of error: any Error) -> RPCError {
        switch error {
        case let error as RPCError: error
        case let error as any RPCErrorConvertible: RPCError(error)
        // A request's task is cancelled when the daemon stops, and not when its caller leaves.
        case is CancellationError where Task.isCancelled: RPCError(code: .unavailable, message: "the daemon is stopping")
        case is CancellationError: RPCError(code: .cancelled, message: "the caller left before the answer")
        default: RPCError(code: .internalError, message: "\(error)")
        }
    }
}

/// The `grpc-timeout` header: at most 8 digits and a unit, gRPC over HTTP/2 "Requests".
enum GRPCTimeout {
    static func parse(_ text: String) -> Duration? {
        guard let unit = text.last, text.count <= 9, let value = Int64(text.dropLast()), value >= 0 else { return nil }
        switch unit {
        case "H": return .bounded(seconds: value * 3600)
        case "M": return .bounded(seconds: value * 60)
        case "S": return .bounded(seconds: value)
        case "m": return .milliseconds(value)
        case "u": return .microseconds(value)
        case "n": return .nanoseconds(value)
        default: return nil
        }
    }
}
