import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import StreamingClient
import Testing

@testable import Streaming

@Suite("Carrying a process's streams", .timeLimit(.minutes(2))) struct CarryTests {
    /// Writes to a pipe as a process would, in a thread of its own.
    private static func write(
        _ count: Int, of byte: UInt8 = 120, to descriptor: CInt, closing: Bool = true,
        progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws {
        try await NIOThreadPool.singleton.runIfActive {
            let chunk = [UInt8](repeating: byte, count: 100_000)
            var left = count
            while left > 0 {
                let done = Glibc.write(descriptor, chunk, min(left, chunk.count))
                guard done > 0 else { break }
                left -= done
                progress(done)
            }
            if closing { Glibc.close(descriptor) }
        }
    }

    private func exec(
        _ streams: RequestedStreams, _ work: @escaping @Sendable (ExecStreams) async throws -> Int32,
        _ client: (SPDYClient, [StreamKind: UInt32]) async throws -> Void
    ) async throws {
        try await withServer(FakeBackend(onExec: { try await work($1) })) { server in
            let url = try server.execURL(RemoteCommand(containerID: "c", command: ["x"], streams: streams))
            try await SPDYClient.with(url, "v4.channel.k8s.io") { connection in
                var ids: [StreamKind: UInt32] = [.error: try await connection.open(.error)]
                if streams.stdin { ids[.stdin] = try await connection.open(.stdin) }
                if streams.stdout { ids[.stdout] = try await connection.open(.stdout) }
                if streams.stderr { ids[.stderr] = try await connection.open(.stderr) }
                try await client(connection, ids)
            }
        }
    }

    @Test("stdin reaches the process with its end; stdout and stderr stay apart") func allStreams() async throws {
        try await exec(.all) { streams in
            let (input, output, error) = (Pipe(), Pipe(), Pipe())
            async let process: Int = NIOThreadPool.singleton.runIfActive {
                var (total, buffer) = (0, [UInt8](repeating: 0, count: 4096))
                while case let count = Glibc.read(input.read, &buffer, buffer.count), count > 0 {
                    total += count
                    Glibc.write(output.write, buffer, count)
                }
                Glibc.write(error.write, "done", 4)
                for descriptor in [input.read, output.write, error.write] { Glibc.close(descriptor) }
                return total
            }
            let exit = Flag()
            async let code = streams.carry(.init(stdin: input.write, stdout: output.read, stderr: error.read)) {
                await exit.wait()
                return 7
            }
            let total = try await process
            await exit.set()
            return try await code + Int32(total == 300_000 ? 0 : 100)
        } _: { client, ids in
            let data = ByteBuffer.random(300_000)
            for part in 0..<3 {
                try await client.send(data.getSlice(at: part * 100_000, length: 100_000) ?? data, on: ids[.stdin] ?? 0, isLast: part == 2)
            }
            try await client.receiveAll()
            #expect(client.received.bytes[ids[.stdout] ?? 0] == data)
            #expect(client.received.text(ids[.stderr] ?? 0) == "done")
            #expect(client.received.text(ids[.error] ?? 0).contains(#""message":"7""#))
        }
    }

    @Test("all that a process wrote before it ended is sent, though another holds the pipe") func leftBehind() async throws {
        let output = Pipe()
        try await exec(.output) { streams in
            try await Self.write(60_000, to: output.write, closing: false)
            return try await streams.carry(.init(stdin: nil, stdout: output.read, stderr: nil)) { 0 }
        } _: { client, ids in
            try await client.receiveAll()
            #expect(client.received.bytes[ids[.stdout] ?? 0]?.readableBytes == 60_000)
        }
        Glibc.close(output.write)
    }

    @Test("a slow client gets every byte, and few are on their way meanwhile") func slowReader() async throws {
        let size = 64 << 20
        let written = NIOLockedValueBox(0)
        try await exec(.output) { streams in
            let output = Pipe()
            let writing = Task { try await Self.write(size, to: output.write) { count in written.withLockedValue { $0 += count } } }
            return try await streams.carry(.init(stdin: nil, stdout: output.read, stderr: nil)) {
                try await writing.value
                return 0
            }
        } _: { client, ids in
            client.keepsBytes = false
            let expected = ByteBuffer(repeating: 120, count: 1 << 20)
            var (count, isRight, most) = (0, true, 0)
            client.onData = { stream, bytes in
                guard stream == ids[.stdout] else { return }
                count += bytes.readableBytes
                isRight = isRight && bytes == expected.getSlice(at: 0, length: bytes.readableBytes)
                most = max(most, written.withLockedValue { $0 } - count)
            }
            try await Task.sleep(for: .milliseconds(300))
            most = written.withLockedValue { $0 }
            try await client.receiveAll()
            #expect(count == size)
            #expect(isRight)
            // Most of this is in the sockets' own buffers.
            #expect(most < 16 << 20)
        }
    }

    @Test("output that the client did not ask for is read and dropped") func unwanted() async throws {
        try await exec(.output) { streams in
            let (output, error) = (Pipe(), Pipe())
            Glibc.close(output.write)
            async let written: Void = Self.write(1_000_000, to: error.write)
            async let code = streams.carry(.init(stdin: nil, stdout: output.read, stderr: error.read)) {
                try await Task.sleep(for: .milliseconds(200))
                return 0
            }
            try await written
            return try await code
        } _: { client, ids in
            try await client.receiveAll()
            #expect(client.received.text(ids[.error] ?? 0).contains("Success"))
        }
    }

    @Test("a process that closes its stdin does not stop the client, nor the daemon") func closedInput() async throws {
        try await exec(RequestedStreams(stdin: true, stdout: true, stderr: false, terminal: false)) { streams in
            let (input, output) = (Pipe(), Pipe())
            Glibc.close(input.read)
            return try await streams.carry(.init(stdin: input.write, stdout: output.read, stderr: nil)) {
                try await Task.sleep(for: .milliseconds(300))
                Glibc.close(output.write)
                return 0
            }
        } _: { client, ids in
            for _ in 0..<40 { try await client.send(ByteBuffer(repeating: 1, count: 100_000), on: ids[.stdin] ?? 0) }
            try await client.receiveAll()
        }
    }

    @Test("a terminal's end is an end") func terminal() async throws {
        try await exec(RequestedStreams(stdin: false, stdout: true, stderr: false, terminal: false)) { streams in
            let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
            var (number, locked): (CInt, CInt) = (0, 0)
            let (unlock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
            _ = ioctl(master, unlock, &locked)
            _ = ioctl(master, getNumber, &number)
            let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
            Glibc.write(slave, "in a terminal", 13)
            return try await streams.carry(.init(stdin: nil, stdout: master, stderr: nil)) {
                try await Task.sleep(for: .milliseconds(100))
                Glibc.close(slave)
                return 0
            }
        } _: { client, ids in
            try await client.receiveAll()
            #expect(client.received.text(ids[.stdout] ?? 0) == "in a terminal")
        }
    }

    @Test("when the client goes, the process is let go and no descriptor stays open") func clientGone() async throws {
        let (cancelled, started) = (Flag(), Flag())
        let (input, output) = (Pipe(), Pipe())
        try await exec(RequestedStreams(stdin: true, stdout: true, stderr: false, terminal: false)) { streams in
            do {
                return try await streams.carry(.init(stdin: input.write, stdout: output.read, stderr: nil)) {
                    await started.set()
                    try await Task.sleep(for: .seconds(100))
                    return 0
                }
            } catch {
                await cancelled.set()
                throw error
            }
        } _: { _, _ in
            await started.wait()
        }
        await cancelled.wait()
        // The other ends see it: nobody reads, nobody writes.
        signal(SIGPIPE, SIG_IGN)
        var byte: UInt8 = 0
        for _ in 0..<100 where Glibc.write(output.write, &byte, 1) >= 0 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(Glibc.write(output.write, &byte, 1) == -1)
        #expect(Glibc.read(input.read, &byte, 1) == 0)
        Glibc.close(output.write)
        Glibc.close(input.read)
    }
}
