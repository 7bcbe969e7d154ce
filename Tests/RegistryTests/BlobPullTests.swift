import NIOCore
import OCI
import Testing

@testable import Registry

@Suite struct BlobPullTests {
    private let blob = noise(300_000)

    private func pull(
        from offset: Int64 = 0, stall: Duration = .seconds(5), _ reply: @escaping @Sendable (TestRequest) -> TestReply
    ) async throws -> [UInt8] {
        let server = try await TestServer(reply: reply)
        return try await withSource(server, stall: stall) { source in
            try await source.blob(descriptor(blob), from: offset).bytes()
        }
    }

    /// What a proper server gives for a range.
    private static func partial(_ blob: [UInt8], from start: Int) -> TestReply {
        let range = "bytes \(start)-\(blob.count - 1)/\(blob.count)"
        return TestReply(status: .partialContent, headers: ["Content-Range": range], body: Array(blob[start...]))
    }

    @Test(arguments: [true, false]) func streamsWhole(chunked: Bool) async throws {
        let whole = try await pull { [blob] _ in TestReply(body: blob, chunked: chunked) }
        #expect(whole == blob)
    }

    @Test func startsWhereItIsTold() async throws {
        let rest = try await pull(from: 1000) { [blob] in Self.partial(blob, from: $0.rangeStart ?? 0) }
        #expect(rest == Array(blob[1000...]))
        let nothing = try await pull(from: Int64(blob.count)) { _ in .status(.internalServerError) }
        #expect(nothing.isEmpty)
    }

    @Test func resumesABrokenConnection() async throws {
        let starts = Counter()
        let whole = try await pull { [blob] request in
            let start = request.rangeStart ?? 0
            starts.add()
            guard start < 200_000 else { return Self.partial(blob, from: start) }
            var reply = start == 0 ? TestReply(body: blob) : Self.partial(blob, from: start)
            reply.contentLength = reply.body.count
            reply.body = Array(reply.body.prefix(100_000))
            reply.ending = .close
            return reply
        }
        #expect(whole == blob)
        #expect(starts.value == 3)
    }

    @Test func skipsWhereTheServerIgnoresRanges() async throws {
        let count = Counter()
        let whole = try await pull { [blob] _ in
            count.add() == 1
                ? TestReply(body: Array(blob.prefix(123_456)), contentLength: blob.count, ending: .close) : TestReply(body: blob)
        }
        #expect(whole == blob)
    }

    @Test func resumesAfterAStall() async throws {
        let whole = try await pull(stall: .milliseconds(200)) { [blob] request in
            if let start = request.rangeStart { return Self.partial(blob, from: start) }
            return TestReply(body: Array(blob.prefix(5000)), contentLength: blob.count, ending: .stall)
        }
        #expect(whole == blob)
    }

    @Test func aSlowReaderIsNoStall() async throws {
        let big = [UInt8](repeating: 7, count: 16 << 20)
        let server = try await TestServer { _ in TestReply(body: big) }
        try await withSource(server, stall: .milliseconds(200)) { source in
            var received = 0
            for try await piece in try await source.blob(descriptor(big), from: 0) {
                if received == 0 { try await Task.sleep(for: .milliseconds(600)) }
                received += piece.readableBytes
            }
            #expect(received == big.count)
            #expect(server.requests.count == 1)
        }
    }

    @Test func givesUpOnAServerThatAlwaysBreaks() async throws {
        let error = try #require(
            await #expect(throws: RegistryError.self) {
                try await pull { [blob] _ in TestReply(body: Array(blob.prefix(10)), contentLength: blob.count, ending: .close) }
            })
        guard case .blobIncomplete(_, _, 10, Int64(300_000), _) = error else { throw error }
        guard case .unreachable = error.root else { throw error }
    }

    @Test(arguments: [true, false]) func cutsALongerBody(chunked: Bool) async throws {
        let error = try #require(
            await #expect(throws: RegistryError.self) { try await pull { [blob] _ in TestReply(body: blob + [0], chunked: chunked) } })
        guard case .blobTooLong = error else { throw error }
    }

    @Test func aShorterWholeIsAnotherBlob() async throws {
        let error = try #require(
            await #expect(throws: RegistryError.self) { try await pull { [blob] _ in TestReply(body: Array(blob.dropLast())) } })
        guard case .unexpectedAnswer = error else { throw error }
    }

    @Test func aWebPageIsNoBlob() async throws {
        let error = try #require(
            await #expect(throws: RegistryError.self) { try await pull { _ in .status(.ok, ["Content-Type": "text/html"], "<html>") } })
        guard case .notARegistry = error else { throw error }
    }

    @Test func nothingIsFetchedThatIsNotRead() async throws {
        let big = [UInt8](repeating: 7, count: 64 << 20)
        let server = try await TestServer { _ in TestReply(body: big) }
        try await withSource(server) { source in
            let stream = try await source.blob(descriptor(big), from: 0)
            var iterator = stream.makeAsyncIterator()
            let piece = try await iterator.next()
            #expect(piece != nil)
            try await Task.sleep(for: .milliseconds(300))
            // Most of the body still waits in the server.
            #expect(server.sentWhole == 0)
        }
    }

    @Test func layersComeInParallel() async throws {
        let blobs = (1...12).map { noise($0 * 10_000) }
        let byPath = Dictionary(uniqueKeysWithValues: blobs.map { ("/v2/team/app/blobs/\(sha256($0))", $0) })
        let server = try await TestServer { request in byPath[request.uri].map { TestReply(body: $0) } ?? .status(.notFound) }
        try await withSource(server) { source in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for blob in blobs { group.addTask { try await source.blob(descriptor(blob), from: 0).bytes() == blob } }
                for try await equal in group { #expect(equal) }
            }
        }
    }
}
