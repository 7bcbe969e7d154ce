import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOSSL
import OCI
import Testing

@testable import Registry

private let manifestText = "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"
private let digest = sha256(Array(manifestText.utf8))
private let asManifest: HTTPHeaders = ["Content-Type": MediaType.ociManifest]
private let login = RegistryCredentials(username: "user", password: "pa:ss")
private let loginHeader = "Basic " + Data("user:pa:ss".utf8).base64EncodedString()

/// A registry and its token server in one: every token it gives is counted, and `accept` says which of them it takes.
private func bearerServer(
    accept: @escaping @Sendable (String?) -> Bool, token: @escaping @Sendable (TestRequest) -> TestReply
) async throws -> TestServer {
    try await TestServer { request in
        if request.path == "/token" { return token(request) }
        if accept(request.authorization) { return .status(.ok, asManifest, manifestText) }
        let host = request.headers.first(name: "Host") ?? ""
        return .status(
            .unauthorized,
            ["WWW-Authenticate": "Bearer realm=\"http://\(host)/token\",service=\"svc\",scope=\"repository:team/app:pull\""],
            "{\"errors\":[{\"message\":\"authentication required\"}]}")
    }
}

@Suite struct AccessTests {
    @Test func anonymousTokensAreFetchedOnceAndReused() async throws {
        let server = try await bearerServer(
            accept: { $0 == "Bearer t1" },
            token: { request in
                #expect(request.authorization == nil)
                return .status(.ok, [:], "{\"token\":\"t1\",\"expires_in\":300}")
            })
        try await withSource(server) { source in
            for _ in 0..<3 {
                let manifest = try await source.manifest("v1")
                #expect(manifest.digest == digest)
            }
            #expect(
                server.requests.filter { $0.path == "/token" }.map(\.uri) == ["/token?service=svc&scope=repository%3Ateam%2Fapp%3Apull"])
            #expect(server.requests.count == 5)
        }
    }

    @Test func loginsBuyTokens() async throws {
        let server = try await bearerServer(
            accept: { $0 == "Bearer mine" },
            token: { request in
                request.authorization == loginHeader && request.uri.contains("account=user")
                    ? .status(.ok, [:], "{\"access_token\":\"mine\"}") : .status(.unauthorized)
            })
        #expect(try await withSource(server, credentials: login) { try await $0.manifest("v1") }.digest == digest)
    }

    @Test func identityTokensAreExchangedByPost() async throws {
        let server = try await bearerServer(
            accept: { $0 == "Bearer exchanged" },
            token: { request in
                guard request.method == .POST, request.authorization == nil, request.body.contains("grant_type=refresh_token"),
                    request.body.contains("refresh_token=ref%2Fresh"), request.body.contains("scope=repository%3Ateam%2Fapp%3Apull")
                else { return .status(.badRequest) }
                return .status(.ok, [:], "{\"access_token\":\"exchanged\"}")
            })
        let credentials = RegistryCredentials(identityToken: "ref/resh")
        #expect(try await withSource(server, credentials: credentials) { try await $0.manifest("v1") }.digest == digest)
    }

    @Test func registryTokensGoOutAsTheyAre() async throws {
        let server = try await bearerServer(accept: { $0 == "Bearer ready" }, token: { _ in .status(.internalServerError) })
        let credentials = RegistryCredentials(registryToken: "ready")
        #expect(try await withSource(server, credentials: credentials) { try await $0.manifest("v1") }.digest == digest)
    }

    @Test func anExpiredTokenIsReplaced() async throws {
        let given = Counter()
        let server = try await bearerServer(
            accept: { $0 == "Bearer t\(given.value)" },
            token: { _ in
                .status(.ok, [:], "{\"token\":\"t\(given.add())\",\"expires_in\":300}")
            })
        try await withSource(server) { source in
            _ = try await source.manifest("v1")
            given.add()
            #expect(try await source.manifest("v1").digest == digest)
            #expect(given.value == 3)
        }
    }

    @Test func basicIsUsedWhereItIsAskedFor() async throws {
        let server = try await TestServer { request in
            request.authorization == loginHeader
                ? .status(.ok, asManifest, manifestText) : .status(.unauthorized, ["WWW-Authenticate": "Basic realm=\"r\""])
        }
        #expect(try await withSource(server, credentials: login) { try await $0.manifest("v1") }.digest == digest)
    }

    @Test func credentialsComeFromTheAuthFile() async throws {
        let directory = try TemporaryDirectory()
        let server = try await TestServer { request in
            request.authorization == loginHeader
                ? .status(.ok, asManifest, manifestText) : .status(.unauthorized, ["WWW-Authenticate": "Basic realm=r"])
        }
        let auth = Data("user:pa:ss".utf8).base64EncodedString()
        let file = try directory.write("{\"auths\":{\"\(server.host)/team\":{\"auth\":\"\(auth)\"}}}", to: "auth.json")
        #expect(try await withSource(server, authFiles: [file]) { try await $0.manifest("v1") }.digest == digest)
    }

    @Test(arguments: [
        (HTTPResponseStatus.unauthorized, "Bearer"), (.unauthorized, "Basic"), (.unauthorized, "Negotiate"), (.forbidden, "Bearer"),
    ])
    func refusalsAreErrorsWithoutSecrets(status: HTTPResponseStatus, scheme: String) async throws {
        let server = try await TestServer { request in
            if request.path == "/token" { return .status(.ok, [:], "{\"token\":\"s3cr3tToken\"}") }
            let host = request.headers.first(name: "Host") ?? ""
            return .status(status, ["WWW-Authenticate": "\(scheme) realm=\"http://\(host)/token\""])
        }
        let error = try await withSource(server, credentials: login) { source in
            try #require(await #expect(throws: RegistryError.self) { try await source.manifest("v1") })
        }
        switch error {
        case .unauthorized, .forbidden: break
        default: throw error
        }
        #expect(server.requests.filter { $0.path != "/token" }.count <= 2)
        for secret in ["pa:ss", "s3cr3tToken", "Basic "] { #expect(!"\(error)".contains(secret)) }
    }

    @Test(arguments: ["", "<html>", "{}"]) func aTokenServerWithoutTokensIsAnError(answer: String) async throws {
        let server = try await bearerServer(accept: { _ in false }, token: { _ in .status(.ok, [:], answer) })
        let error = try await withSource(server) { source in
            try #require(await #expect(throws: RegistryError.self) { try await source.manifest("v1") })
        }
        guard case .authentication = error else { throw error }
    }

    @Test func redirectsToOtherHostsLoseTheLogin() async throws {
        let blob = noise(50_000)
        let storage = try await TestServer { request in
            request.authorization == nil ? TestReply(body: blob) : .status(.badRequest)
        }
        let server = try await TestServer { request in
            guard request.authorization == loginHeader else { return .status(.unauthorized, ["WWW-Authenticate": "Basic realm=r"]) }
            if request.path.contains("/blobs/") {
                return .status(.temporaryRedirect, ["Location": "http://\(storage.host)/data?Signature=x"])
            }
            if request.path.hasSuffix("/moved") { return .status(.ok, asManifest, manifestText) }
            return .status(.movedPermanently, ["Location": "/v2/team/app/manifests/moved"])
        }
        try await withSource(server, credentials: login) { source in
            #expect(try await source.manifest("v1").digest == digest)
            let bytes = try await source.blob(descriptor(blob), from: 0).bytes()
            #expect(bytes == blob)
            #expect(storage.requests.map(\.authorization) == [nil])
        }
        await storage.stop()
    }

    @Test func redirectsInACircleEnd() async throws {
        let server = try await TestServer { request in .status(.found, ["Location": request.uri]) }
        let error = try await withSource(server) { source in
            try #require(await #expect(throws: RegistryError.self) { try await source.manifest("v1") })
        }
        guard case .redirect = error else { throw error }
        #expect(server.requests.count == Redirect.most + 1)
    }
}

@Suite struct MirrorTests {
    @Test func mirrorsAreTriedInOrderWithoutTheCallersLogin() async throws {
        let broken = try await TestServer { _ in .status(.internalServerError) }
        let mirror = try await TestServer { request in
            request.path == "/v2/copy/team/app/manifests/v1" ? .status(.ok, asManifest, manifestText) : .status(.notFound)
        }
        let own = try await TestServer { request in request.path.contains("/blobs/") ? TestReply(body: [1, 2, 3]) : .status(.notFound) }
        let directory = try TemporaryDirectory()
        let options = try testOptions(
            """
            [[registry]]
            prefix = "example.org"
            location = "\(own.host)"
            insecure = true
            [[registry.mirror]]
            location = "\(broken.host)"
            insecure = true
            [[registry.mirror]]
            location = "\(mirror.host)/copy"
            insecure = true
            """, in: directory)
        try await withClient(options) { client in
            let source = try client.source(for: ImageReference(normalized: "example.org/team/app:v1"), credentials: login, namespace: nil)
            #expect(try await source.manifest("v1").digest == digest)
            #expect(broken.requests.count == 2 && own.requests.isEmpty)
            // The mirror that gave the manifest is asked first; what it lacks comes from the registry.
            let bytes = try await source.blob(descriptor([1, 2, 3]), from: 0).bytes()
            #expect(bytes == [1, 2, 3])
            #expect(mirror.requests.count == 2 && own.requests.count == 1)
            #expect((broken.requests + mirror.requests).allSatisfy { $0.authorization == nil })
            let error = await #expect(throws: RegistryError.self) { try await source.manifest("v2") }
            guard case .afterMirrors(.notFound, let mirrors) = try #require(error) else { throw try #require(error) }
            #expect(mirrors.count == 2)
        }
        for server in [broken, mirror, own] { await server.stop() }
    }
}

@Suite struct TLSTests {
    private func tlsServer(clientAuthority: Bool = false) async throws -> TestServer {
        let certificate = try NIOSSLCertificate(bytes: Array(TestCertificates.server.utf8), format: .pem)
        let key = try NIOSSLPrivateKey(bytes: Array(TestCertificates.serverKey.utf8), format: .pem)
        var tls = TLSConfiguration.makeServerConfiguration(certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
        if clientAuthority {
            tls.certificateVerification = .noHostnameVerification
            tls.trustRoots = .certificates([try NIOSSLCertificate(bytes: Array(TestCertificates.authority.utf8), format: .pem)])
        }
        return try await TestServer(tls: tls) { _ in .status(.ok, asManifest, manifestText) }
    }

    private func manifest(of server: TestServer, insecure: Bool = false, certificates: [String: String] = [:]) async throws -> Digest {
        let directory = try TemporaryDirectory()
        var options = try testOptions(in: directory)
        if insecure { options.insecureRegistries = [server.host] }
        for (name, text) in certificates { try directory.write(text, to: "certs.d/\(server.host)/\(name)") }
        return try await withClient(options) { client in
            try await client.source(for: ImageReference(normalized: "\(server.host)/app"), credentials: nil, namespace: nil).manifest("v1")
                .digest
        }
    }

    @Test func certificatesMustBeTrusted() async throws {
        let server = try await tlsServer()
        let error = try #require(await #expect(throws: RegistryError.self) { try await manifest(of: server) })
        guard case .untrusted = error else { throw error }
        #expect(try await manifest(of: server, certificates: ["ca.crt": TestCertificates.authority]) == digest)
        #expect(try await manifest(of: server, insecure: true) == digest)
        await server.stop()
    }

    @Test func clientsShowTheirCertificate() async throws {
        let server = try await tlsServer(clientAuthority: true)
        await #expect(throws: RegistryError.self) { try await manifest(of: server, certificates: ["ca.crt": TestCertificates.authority]) }
        let pair = ["ca.crt": TestCertificates.authority, "client.cert": TestCertificates.client, "client.key": TestCertificates.clientKey]
        #expect(try await manifest(of: server, certificates: pair) == digest)
        await server.stop()
    }

    @Test func plainHTTPIsForInsecureRegistriesAlone() async throws {
        let server = try await TestServer { _ in .status(.ok, asManifest, manifestText) }
        let error = try #require(await #expect(throws: RegistryError.self) { try await manifest(of: server) })
        guard case .unreachable(_, let problem) = error else { throw error }
        #expect(problem.contains("insecure"))
        #expect(server.requests.isEmpty)
        #expect(try await manifest(of: server, insecure: true) == digest)
        await server.stop()
    }
}
