import Glibc
import NIOCore

extension ExecStreams {
    /// A process's ends of its streams: pipes, or descriptors of one terminal. Their ownership passes with them.
    public struct ProcessDescriptors: Sendable {
        /// Where the process's input is written; closed when the client has no more. Nil if it has none.
        public var stdin: CInt?
        /// Where the process's output is read. Without a client for it, it is read and dropped.
        public var stdout: CInt?
        public var stderr: CInt?

        public init(stdin: CInt?, stdout: CInt?, stderr: CInt?) {
            self.stdin = stdin
            self.stdout = stdout
            self.stderr = stderr
        }
    }

    /// Carries bytes between a process and the client until the process has ended and all that it wrote is sent.
    ///
    /// A process that it has left behind with its pipes is not waited for. Bytes pass on the connection's event loop,
    /// with at most a few hundred KiB in memory however slow the client reads.
    ///
    /// - Parameters:
    ///   - resize: gets the sizes of the client's terminal.
    ///   - exited: suspends until the process has ended; returns its exit code.
    /// - Returns: the exit code.
    /// - Throws: what `exited` throws; `CancellationError`, upon which the caller ends the process.
    public func carry(
        _ process: ProcessDescriptors, resize: @escaping @Sendable (TerminalSize) async -> Void = { _ in },
        until exited: @escaping @Sendable () async throws -> Int32
    ) async throws -> Int32 {
        let drain = DrainSignal()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await size in resizes { await resize(size) } }
            if let descriptor = process.stdin { group.addTask { await copyInput(to: descriptor) } }
            let outputs = [(process.stdout, stdout), (process.stderr, stderr)].compactMap { descriptor, writer in
                descriptor.map { descriptor in
                    Task { try await copyOutput(from: descriptor, to: writer, drain) }
                }
            }
            defer { group.cancelAll() }
            return try await withTaskCancellationHandler {
                let code = try await exited()
                drain.trigger()
                // A client that has left gets no output, and that is no fault of the process.
                for output in outputs { _ = await output.result }
                return code
            } onCancel: {
                for output in outputs { output.cancel() }
            }
        }
    }

    private func copyInput(to descriptor: CInt) async {
        guard let stdin else {
            Glibc.close(descriptor)
            return
        }
        try? await stdin.copy(toDescriptor: descriptor)
    }

    private func copyOutput(from descriptor: CInt, to writer: ByteWriter?, _ drain: DrainSignal) async throws {
        guard let writer else { return try await DescriptorBridge.discard(descriptor, on: eventLoop, drain: drain) }
        try await writer.copy(fromDescriptor: descriptor, drain: drain)
    }
}
