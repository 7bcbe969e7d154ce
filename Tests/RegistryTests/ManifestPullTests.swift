import NIOCore
import NIOHTTP1
import OCI
import Testing

@testable import Registry

private let manifest = "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"
private let digest = sha256(Array(manifest.utf8))
private let asManifest: HTTPHeaders = ["Content-Type": MediaType.ociManifest, "Docker-Content-Digest": digest.description]

@Suite struct ManifestPullTests {
    private func failure(
        _ reference: String = "v1", attempts: Int = 3, _ reply: @escaping @Sendable (TestRequest) -> TestReply
    ) async throws -> RegistryError {
        let server = try await TestServer(reply: reply)
        return try await withSource(server, stall: .milliseconds(200), attempts: attempts) { source in
            try #require(await #expect(throws: RegistryError.self) { try await source.manifest(reference) })
        }
    }

    @Test func fetchesByTagAndByDigest() async throws {
        let server = try await TestServer { _ in .status(.ok, asManifest, manifest) }
        try await withSource(server) { source in
            let byTag = try await source.manifest("v1")
            #expect(byTag == FetchedManifest(bytes: Array(manifest.utf8), mediaType: MediaType.ociManifest))
            #expect(try await source.manifest(digest.description) == byTag)
            #expect(server.requests.map(\.uri) == ["/v2/team/app/manifests/v1", "/v2/team/app/manifests/\(digest)"])
            #expect(server.requests[0].headers["Accept"] == MediaType.manifests)
            #expect(server.requests[0].authorization == nil)
        }
    }

    @Test func whatIsMissingIsNotFoundAtOnce() async throws {
        let requests = Counter()
        let error = try await failure { _ in
            requests.add()
            return .status(.notFound, [:], "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}")
        }
        guard case .notFound(let what, _) = error else { throw error }
        #expect(what.hasSuffix("/team/app:v1"))
        #expect(requests.value == 1)
    }

    @Test(arguments: [HTTPResponseStatus.ok, .notFound]) func recognisesWebPages(status: HTTPResponseStatus) async throws {
        let error = try await failure { _ in .status(status, ["Content-Type": "text/html; charset=utf-8"], "<html>hello</html>") }
        guard case .notARegistry = error else { throw error }
    }

    @Test(arguments: [true, false]) func limitsManifests(chunked: Bool) async throws {
        let error = try await failure { _ in
            TestReply(headers: ["Content-Type": MediaType.ociManifest], body: Array(repeating: 32, count: (4 << 20) + 1), chunked: chunked)
        }
        guard case .manifestTooLarge = error else { throw error }
    }

    @Test func verifiesDigests() async throws {
        let asked = try await failure(sha256([]).description) { _ in .status(.ok, ["Content-Type": MediaType.ociManifest], manifest) }
        guard case .digestMismatch(_, _, let expected, let actual) = asked else { throw asked }
        #expect(expected == sha256([]) && actual == digest.description)
        let declared = try await failure { _ in
            .status(.ok, ["Content-Type": MediaType.ociManifest, "Docker-Content-Digest": sha256([]).description], manifest)
        }
        guard case .digestMismatch = declared else { throw declared }
    }

    @Test func waitsAsLongAsTheServerWants() async throws {
        let count = Counter()
        let server = try await TestServer { _ in
            count.add() == 1 ? .status(.tooManyRequests, ["Retry-After": "1"]) : .status(.ok, asManifest, manifest)
        }
        let started = ContinuousClock.now
        _ = try await withSource(server) { try await $0.manifest("v1") }
        #expect(ContinuousClock.now - started >= .seconds(1))
        #expect(count.value == 2)
    }

    @Test func givesUpWhereTheServerWantsTooLongAWait() async throws {
        let count = Counter()
        let error = try await failure { _ in
            count.add()
            return .status(.tooManyRequests, ["Retry-After": "3600"])
        }
        guard case .tooManyRequests(_, 3600) = error else { throw error }
        #expect(count.value == 1)
    }

    @Test func repeatsServerErrorsAndBrokenConnectionsButNotForever() async throws {
        let count = Counter()
        let server = try await TestServer { _ in
            switch count.add() {
            case 1: .status(.serviceUnavailable)
            case 2: TestReply(headers: asManifest, body: Array(manifest.utf8), contentLength: 1000, ending: .close)
            default: .status(.ok, asManifest, manifest)
            }
        }
        #expect(try await withSource(server) { try await $0.manifest("v1") }.digest == digest)
        #expect(count.value == 3)

        let tries = Counter()
        let error = try await failure { _ in
            tries.add()
            return .status(.badGateway, [:], "{\"errors\":[{\"message\":\"upstream is away\"}]}")
        }
        guard case .serverFailure(_, 502, "upstream is away", _) = error else { throw error }
        #expect(tries.value == 3)
    }

    @Test func aSilentServerStalls() async throws {
        let count = Counter()
        let error = try await failure(attempts: 2) { _ in
            count.add()
            return TestReply(headers: asManifest, contentLength: 10, ending: .stall)
        }
        guard case .stalled = error else { throw error }
        #expect(count.value == 2)
    }

    @Test func aClosedPortIsUnreachable() async throws {
        let server = try await TestServer { _ in .status(.ok) }
        await server.stop()
        let error = try await withSource(server) { source in await #expect(throws: RegistryError.self) { try await source.manifest("v1") } }
        guard case .unreachable(_, let problem) = try #require(error) else { throw try #require(error) }
        #expect(problem.contains("refused"))
    }

    @Test func anUnknownNameIsUnreachable() async throws {
        let directory = try TemporaryDirectory()
        try await withClient(testOptions(in: directory)) { client in
            let source = try client.source(for: ImageReference(normalized: "name.invalid/app"), credentials: nil, namespace: nil)
            let error = await #expect(throws: RegistryError.self) { try await source.manifest("v1") }
            guard case .unreachable = try #require(error) else { throw try #require(error) }
        }
    }

    @Test func aCancelledPullIsCancelled() async throws {
        let server = try await TestServer { _ in TestReply(headers: asManifest, contentLength: 10, ending: .stall) }
        try await withSource(server) { source in
            let pull = Task { try await source.manifest("v1") }
            while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            pull.cancel()
            await #expect(throws: CancellationError.self) { try await pull.value }
        }
    }

    @Test func policyAndBlocksAreAskedFirst() async throws {
        let server = try await TestServer { _ in .status(.ok, asManifest, manifest) }
        let directory = try TemporaryDirectory()
        var options = try testOptions("[[registry]]\nlocation = '\(server.host)/blocked'\nblocked = true", in: directory)
        options.insecureRegistries = [server.host]
        options.policyFile = try directory.write("{\"default\": [{\"type\": \"reject\"}]}", to: "strict.json")
        try await withClient(options) { client in
            #expect(throws: RegistryError.self) {
                try client.source(for: ImageReference(normalized: "\(server.host)/blocked/app"), credentials: nil, namespace: nil)
            }
            let source = try client.source(for: ImageReference(normalized: "\(server.host)/app"), credentials: nil, namespace: nil)
            let error = await #expect(throws: RegistryError.self) { try await source.manifest("v1") }
            guard case .rejectedByPolicy = try #require(error) else { throw try #require(error) }
        }
        #expect(server.requests.isEmpty)
        await server.stop()
    }
}
