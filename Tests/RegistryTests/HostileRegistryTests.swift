import NIOCore
import NIOHTTP1
import NIOPosix
import OCI
import Testing

@testable import Registry

/// Registries that answer with what no registry should. None of it may end the program, and each is an error that says what.
@Suite struct HostileRegistryTests {
    private func error(from server: TestServer, _ ask: (any ImageSource) async throws -> Void) async throws -> RegistryError? {
        try await withSource(server) { source in
            do {
                try await ask(source)
                return nil
            } catch {
                return error as? RegistryError
            }
        }
    }

    private static let addresses = [
        "http://127.0.0.1:70000/t", "http://127.0.0.1:0/", "http://127.0.0.1:65536", "http://127.0.0.1:99999999999999999999/",
        "http://127.0.0.1:-1/", "http://[::1]:70000/", "http://[::/", "http://a%00b/", "//127.0.0.1:70000/",
    ]

    @Test(arguments: addresses)
    func redirectsToWhatIsNoAddress(location: String) async throws {
        let server = try await TestServer { _ in .status(.temporaryRedirect, ["Location": location]) }
        let error = try await error(from: server) { _ = try await $0.manifest("v1") }
        guard case .redirect = error else { return #expect(Bool(false), "\(error as Any)") }
    }

    @Test(arguments: addresses)
    func realmsThatAreNoAddress(realm: String) async throws {
        let server = try await TestServer { _ in .status(.unauthorized, ["WWW-Authenticate": "Bearer realm=\"\(realm)\""]) }
        let error = try await error(from: server) { _ = try await $0.manifest("v1") }
        guard case .authentication = error else { return #expect(Bool(false), "\(error as Any)") }
    }

    @Test func anotherChallengeServesWhereOneCannot() async throws {
        let server = try await TestServer { request in
            request.authorization?.hasPrefix("Basic ") == true
                ? .status(.ok, ["Content-Type": MediaType.ociManifest], "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}")
                : .status(.unauthorized, ["WWW-Authenticate": "Bearer realm=\"http://x:70000/\", Basic realm=y"])
        }
        let manifest = try await withSource(server, credentials: RegistryCredentials(username: "u", password: "p")) {
            try await $0.manifest("v1")
        }
        #expect(manifest.mediaType == MediaType.ociManifest)
    }

    @Test(arguments: ["99999999999999999999", "9223372036854775807", "-1", "1e99", "Fri, 31 Dec 9999 23:59:59 GMT"])
    func pausesThatNobodyWaits(retryAfter: String) async throws {
        let server = try await TestServer { _ in .status(.tooManyRequests, ["Retry-After": retryAfter]) }
        let error = try await error(from: server) { _ = try await $0.manifest("v1") }
        guard case .tooManyRequests(_, let seconds) = error else { return #expect(Bool(false), "\(error as Any)") }
        #expect(seconds ?? 0 <= RetryAfter.longest)
    }

    @Test(arguments: [
        "bytes 5-4/10", "bytes -1-9223372036854775807/9223372036854775807", "bytes 0-99999999999999999999/*", "bytes */10", "lines 5-9/10",
        "bytes 9223372036854775807-9223372036854775807/9223372036854775807", "bytes", "",
    ])
    func rangesThatWereNotAskedFor(range: String) async throws {
        let blob = descriptor(noise(10))
        let server = try await TestServer { _ in
            TestReply(status: .partialContent, headers: ["Content-Range": range], body: Array(noise(10)[5...]), chunked: true)
        }
        let error = try await error(from: server) { _ = try await $0.blob(blob, from: 5).bytes() }
        guard case .unexpectedAnswer = error else { return #expect(Bool(false), "\(error as Any)") }
    }

    @Test(arguments: [Int64.max, Int64.max - 1, 1 << 46])
    func sizesThatNoBlobHas(size: Int64) async throws {
        var claimed = descriptor(noise(10))
        claimed.size = size
        let server = try await TestServer { _ in TestReply(body: noise(10), chunked: true) }
        let asked = claimed
        let error = try await error(from: server) { _ = try await $0.blob(asked, from: 0).bytes() }
        guard case .blobIncomplete = error else { return #expect(Bool(false), "\(error as Any)") }
    }

    @Test func aTokenServersOwnWordsAreTold() async throws {
        let server = try await TestServer { request in
            request.path == "/token"
                ? .status(.forbidden, [:], "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"the trial has ended\"}]}")
                : .status(
                    .unauthorized,
                    ["WWW-Authenticate": "Bearer realm=http://\(request.headers.first(name: "Host") ?? "")/token,service=x"])
        }
        let error = try await error(from: server) { _ = try await $0.manifest("v1") }
        #expect(error?.description.contains("the trial has ended") == true, "\(error as Any)")
    }

    @Test func interimAnswersWithoutAnEnd() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(EndlessInterims()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let directory = try TemporaryDirectory()
        let host = "127.0.0.1:\(server.localAddress?.port ?? 0)"
        let options = try testOptions("[[registry]]\nlocation = '\(host)'\ninsecure = true", in: directory)
        await #expect(throws: RegistryError.self) {
            try await withClient(options) { client in
                _ = try await client.source(for: ImageReference(normalized: "\(host)/a:1"), credentials: nil, namespace: nil).manifest("1")
            }
        }
        try await server.close()
        let failure = try ConnectionFailure.classify(EndlessInterimAnswers(), server: host, stallSeconds: 1)
        #expect("\(failure.error)".contains("interim"))
    }
}

/// Answers a request, or whatever comes, with 103 for as long as it is read.
private final class EndlessInterims: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard unwrapInboundIn(data).readableBytesView.starts(with: Array("GET ".utf8)) else { return context.close(promise: nil) }
        write(context)
    }

    private func write(_ context: ChannelHandlerContext) {
        let more = ByteBuffer(string: String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 100))
        context.writeAndFlush(wrapOutboundOut(more)).assumeIsolated().whenSuccess { self.write(context) }
    }
}

@Suite struct ProgressFloorTests {
    /// What a floor says of pieces of `count` bytes, each after a wait of so many seconds.
    private func verdicts(_ floor: inout ProgressFloor, _ count: Int, after waits: [Int]) -> [Bool] {
        waits.map { floor.take(count, after: .seconds($0)) }
    }

    @Test func aTrickleIsGivenUp() {
        var floor = ProgressFloor(window: .seconds(60))
        let seen = verdicts(&floor, 1, after: Array(repeating: 5, count: 12) + [59])
        #expect(seen == Array(repeating: false, count: 11) + [true, false])
        #expect(floor.slowConnections == 1)
    }

    @Test func whatIsFastEnoughGoesOn() {
        var floor = ProgressFloor(window: .seconds(60))
        let seen = verdicts(&floor, ProgressFloor.bytes / 10, after: Array(repeating: 5, count: 100))
        #expect(!seen.contains(true))
        #expect(floor.slowConnections == 0)
    }

    @Test func aNewConnectionHasAWindowOfItsOwn() {
        var floor = ProgressFloor(window: .seconds(60))
        let before = verdicts(&floor, 1, after: [59])
        floor.opened()
        let seen = before + verdicts(&floor, 1, after: [59, 1])
        #expect(seen == [false, false, true])
    }

    @Test func aSlowBlobFails() async throws {
        let blob = noise(1000)
        let server = try await TestServer { request in
            let start = request.rangeStart ?? 0
            return start == 0
                ? TestReply(body: blob)
                : TestReply(status: .partialContent, headers: ["Content-Range": "bytes \(start)-999/1000"], body: Array(blob[start...]))
        }
        let directory = try TemporaryDirectory()
        var options = try testOptions("[[registry]]\nlocation = '\(server.host)'\ninsecure = true", in: directory)
        // Any time at all is a window's, so whatever comes is too slow.
        options.progressWindow = .zero
        let thrown = await #expect(throws: RegistryError.self) {
            try await withClient(options) { client in
                let source = try client.source(for: ImageReference(normalized: "\(server.host)/a:1"), credentials: nil, namespace: nil)
                _ = try await source.blob(descriptor(blob), from: 0).bytes()
            }
        }
        await server.stop()
        guard case .slow = thrown?.root else { return #expect(Bool(false), "\(thrown as Any)") }
        #expect(server.requests.count == ProgressFloor.mostSlowConnections)
    }
}
