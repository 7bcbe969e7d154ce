import Glibc

/// Collects what a process writes to a pipe, until the process has ended.
///
/// Whoever else holds the pipe is not waited for: a daemon that the process left in the background may hold it for ever, and may
/// write to it for ever. What the process itself wrote is in the pipe when it has ended.
public actor OutputCollector {
    private let source: OwnedDescriptor
    private let limit: Int
    private var bytes: [UInt8] = []
    private var reader: Task<Void, Never>?

    /// Begins to read.
    /// - Parameters:
    ///   - source: a pipe's end, non-blocking.
    ///   - limit: bytes that are kept; the rest is read and dropped, so that the writer is not held up.
    public init(_ source: OwnedDescriptor, limit: Int) {
        self.source = source
        self.limit = limit
    }

    public func start() {
        reader = Task { await fill() }
    }

    /// Ends the reading. To be called when the process has ended, and in any case.
    /// - Returns: all that it wrote, cut at the limit.
    public func finish() async -> [UInt8] {
        reader?.cancel()
        await reader?.value
        drain()
        return bytes
    }

    private func fill() async {
        while let chunk = try? await source.readChunk(), !chunk.isEmpty { keep(chunk) }
    }

    /// Reads what is in the pipe now. More than a pipe holds was not there when the process ended.
    private func drain() {
        var left = max(Int(fcntl(source.raw, Self.getPipeSize)), 0)
        while left > 0 {
            let fd = source.raw
            let count = min(left, 65536)
            let chunk = [UInt8](unsafeUninitializedCapacity: count) { $1 = max(0, read(fd, $0.baseAddress, count)) }
            guard !chunk.isEmpty else { return }
            keep(chunk)
            left -= chunk.count
        }
    }

    /// F_GETPIPE_SZ of fcntl(2), a macro that Swift does not see.
    private static let getPipeSize: CInt = 1032

    private func keep(_ chunk: [UInt8]) {
        if bytes.count < limit { bytes.append(contentsOf: chunk.prefix(limit - bytes.count)) }
    }
}
