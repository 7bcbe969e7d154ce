import Dispatch
import GRPCCore
import Glibc
import NIOCore
import NIOPosix
import Synchronization

@testable import Transport

/// Serves calls by their method's name: `echo` sends the message back, `wait` answers when its caller has left, `hold` when told,
/// `fail` fails with the message as its text, `hang` when its task is cancelled, `blocks` holds up the thread on which it is told that
/// its caller has left.
/// - Parameters:
///   - beside: runs beside the body, and beside the server's end at the body's end.
func withTransport(
    _ limits: TransportLimits = TransportLimits(),
    beside: @escaping @Sendable (_ path: String) throws -> Void = { _ in },
    _ body: @escaping @Sendable (_ path: String, _ transport: UnixSocketTransport, _ calls: Calls) throws -> Void
) async throws {
    let path = "/tmp/transport-\(getpid())-\(UInt32.random(in: .min ... .max)).sock"
    defer { unlink(path) }
    let transport = UnixSocketTransport(path: path, limits: limits)
    let calls = Calls()
    async let other: Void = {
        try await transport.listening()
        try await NIOThreadPool.singleton.runIfActive { try beside(path) }
    }()
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await transport.listen { stream, context in await calls.serve(stream, context) } }
        group.addTask {
            try await transport.listening()
            try await NIOThreadPool.singleton.runIfActive { try body(path, transport, calls) }
        }
        // The body's end; `listen` goes on.
        try await group.next()
        group.cancelAll()
    }
    try await other
}

/// Waits on a thread of the test's own, a minute at the most.
func waitUntil(_ condition: () -> Bool) throws {
    struct TooLong: Error {}
    for _ in 0..<60_000 {
        if condition() { return }
        usleep(1000)
    }
    throw TooLong()
}

final class Calls: Sendable {
    let left = Counter()
    let started = Counter()
    let held = Gate()
    let block = DispatchSemaphore(value: 0)

    func serve(
        _ stream: RPCStream<UnixSocketTransport.Inbound, UnixSocketTransport.Outbound>, _ context: ServerContext
    ) async {
        started.add()
        do {
            switch stream.descriptor.method {
            case "echo":
                try await stream.outbound.write(.metadata([:]))
                for try await part in stream.inbound {
                    if case .message(let bytes) = part { try await stream.outbound.write(.message(bytes)) }
                }
            case "wait":
                try await context.cancellation.cancelled
                left.add()
            case "hold": await held.wait()
            case "hang":
                do { try await Task.sleep(for: .seconds(3600)) } catch {
                    try await stream.outbound.write(.status(Status(code: .internalError, message: "hang: \(error)"), [:]))
                    return
                }
            case "blocks":
                try await withRPCCancellationHandler {
                    try await context.cancellation.cancelled
                } onCancelRPC: { [left, block] in
                    left.add()
                    block.wait()
                }
            default:
                var text = ""
                for try await part in stream.inbound {
                    if case .message(let bytes) = part { text = bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
                }
                try await stream.outbound.write(.status(Status(code: .internalError, message: text), [:]))
                return
            }
            try await stream.outbound.write(.status(Status(code: .ok, message: ""), [:]))
        } catch {
            // The client has left: nobody is to be answered.
        }
    }
}

final class Counter: Sendable {
    private let value = Mutex(0)
    var count: Int { value.withLock { $0 } }
    func add() { value.withLock { $0 += 1 } }
}

/// Opens once.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    func wait() async {
        guard !isOpen else { return }
        await withCheckedContinuation { waiting.append($0) }
    }
}
