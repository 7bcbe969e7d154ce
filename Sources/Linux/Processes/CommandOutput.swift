import Glibc

/// What a program that ran to its end gave.
public struct CommandOutput: Sendable {
    public let status: ExitStatus
    /// Standard output, cut at the limit.
    public let output: [UInt8]
    /// Standard error, cut at the limit.
    public let error: [UInt8]

    public init(status: ExitStatus, output: [UInt8], error: [UInt8]) {
        self.status = status
        self.output = output
        self.error = error
    }

    /// Standard error as text, without white space at its ends; what is not UTF-8 is replaced.
    public var errorText: String {
        var text = String(decoding: error, as: UTF8.self)[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text.drop { $0.isWhitespace })
    }
}

/// A program was ended because its time was up.
public struct CommandTimeout: Error, Sendable, CustomStringConvertible {
    public let executable: String
    public let limit: Duration

    public var description: String { "\(executable) did not end within \(limit) and was killed" }
}

extension Command {
    /// Runs the program to its end and captures its output. Processes that it leaves in the background are not waited for.
    ///
    /// - Parameters:
    ///   - input: what it reads on standard input.
    ///   - outputLimit: bytes kept of each of the two streams; the rest is read and dropped.
    ///   - timeout: after that its process group is killed. There is no program without one.
    /// - Throws: `SystemError`, `CommandTimeout`, `CancellationError` (the process group is killed).
    public func run(input: [UInt8] = [], outputLimit: Int = 16 << 20, timeout: Duration = .seconds(120)) async throws -> CommandOutput {
        var command = self
        command.newSession = true
        let output = try makePipe()
        let error = try makePipe()
        let source = input.isEmpty ? nil : try makePipe()
        command.descriptors[1] = output.write.raw
        command.descriptors[2] = error.write.raw
        if let source { command.descriptors[0] = source.read.raw }
        let child = try await command.spawn()
        output.write.close()
        error.write.close()
        source?.read.close()
        for end in [output.read, error.read] { try end.setNonBlocking() }
        try source?.write.setNonBlocking()
        let collectors = [output.read, error.read].map { OutputCollector($0, limit: outputLimit) }
        for collector in collectors { await collector.start() }
        let sink = source?.write
        let feeder = Task { if let sink { await feed(sink, input) } }
        defer { feeder.cancel() }
        let status: ExitStatus
        do {
            status = try await Command.limited(to: timeout, child, executable)
        } catch {
            for collector in collectors { _ = await collector.finish() }
            throw error
        }
        return CommandOutput(status: status, output: await collectors[0].finish(), error: await collectors[1].finish())
    }

    /// Waits for the child against the clock; when time is up or the task is cancelled, its group is killed and it is reaped.
    private static func limited(to timeout: Duration, _ child: ChildProcess, _ executable: String) async throws -> ExitStatus {
        do { return try await withTimeout(timeout) { try await child.wait() } } catch {
            await child.kill()
            throw error is OutOfTime ? CommandTimeout(executable: executable, limit: timeout) : error
        }
    }
}

/// Writes the program's input. One that does not read it all is within its rights.
private func feed(_ sink: OwnedDescriptor, _ input: [UInt8]) async {
    try? await sink.writeAll(input)
    sink.close()
}
