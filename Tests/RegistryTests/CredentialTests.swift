import FoundationEssentials
import OCI
import Testing

@testable import Registry

private func encoded(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

private func file(_ text: String) throws -> AuthFile { try .parse(Array(text.utf8), file: "auth.json") }

@Suite struct CredentialTests {
    @Test(arguments: [
        ("user:secret", "user", "secret"), ("user:with:colons", "user", "with:colons"), ("user:", "user", ""),
        ("user:padded\0\0", "user", "padded"),
    ])
    func readsAuth(text: String, username: String, password: String) {
        #expect(RegistryCredentials(auth: encoded(text)) == RegistryCredentials(username: username, password: password))
    }

    @Test(arguments: ["%%%", "", encoded("nocolon"), encoded(":nouser")])
    func refusesMalformedAuth(text: String) { #expect(RegistryCredentials(auth: text) == nil) }

    @Test func neverPrintsSecrets() {
        let credentials = RegistryCredentials(username: "u53r", password: "s3cret", identityToken: "1dent", registryToken: "t0ken")
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), "\([credentials])", "\(Optional(credentials) as Any)", dumped] {
            for secret in ["u53r", "s3cret", "1dent", "t0ken"] { #expect(!text.contains(secret)) }
        }
    }

    @Test func findsTheMostSpecificPath() throws {
        let file = try file(
            """
            {"auths": {
              "example.com": {"auth": "\(encoded("host:1"))"},
              "example.com/team": {"auth": "\(encoded("team:1"))"},
              "example.com/team/app": {"auth": "\(encoded("app:1"))"},
              "example.com:5000": {"username": "port", "password": "1"},
              "https://legacy.example.com/v2/": {"auth": "\(encoded("legacy:1"))"},
              "https://index.docker.io/v1/": {"auth": "\(encoded("hub:1"))", "identitytoken": "idt"},
              "empty.example.com": {}
            }}
            """)
        func user(_ name: String) throws -> String? {
            guard case .credentials(let found) = file.find(try ImageReference(normalized: name)) else { return nil }
            return found.username
        }
        #expect(try user("example.com/team/app:v1") == "app")
        #expect(try user("example.com/team/apple") == "team")
        #expect(try user("example.com/other") == "host")
        #expect(try user("example.com:5000/other") == "port")
        #expect(try user("legacy.example.com/x") == "legacy")
        #expect(try user("busybox") == "hub")
        #expect(try user("empty.example.com/x") == nil)
        #expect(try user("unknown.org/x") == nil)
    }

    @Test func namesHelpers() throws {
        let file = try file(
            """
            {"auths": {"a.org": {"auth": "\(encoded("a:1"))"}}, "credHelpers": {"gcr.io": "gcr"}, "credsStore": "desktop"}
            """)
        #expect(file.find(try ImageReference(normalized: "gcr.io/x")) == .helper("gcr"))
        #expect(file.find(try ImageReference(normalized: "a.org/x")) == .credentials(RegistryCredentials(username: "a", password: "1")))
        #expect(file.find(try ImageReference(normalized: "b.org/x")) == .helper("desktop"))
    }

    @Test(arguments: ["", "nope", "[]", "{\"auths\": []}", "{\"auths\": {\"a.org\": {\"auth\": \"c2VjcmV0Ojpz!\"}}}"])
    func malformedFilesAreErrorsWithoutTheirContent(text: String) {
        let error = #expect(throws: RegistryError.self) { try file(text) }
        #expect(error?.description.contains("c2Vj") == false)
    }

    @Test func asksHelpers() async throws {
        let helper = CredentialHelper(name: "test") { executable, arguments, input in
            #expect(executable == "docker-credential-test")
            #expect(arguments == ["get"])
            return switch String(decoding: input, as: UTF8.self) {
            case "a.org": (0, Array("{\"ServerURL\":\"a.org\",\"Username\":\"u\",\"Secret\":\"p\"}".utf8))
            case "token.org": (0, Array("{\"Username\":\"<token>\",\"Secret\":\"t\"}".utf8))
            case "none.org": (1, Array("credentials not found in native keychain\n".utf8))
            case "odd.org": (0, Array("secret nonsense".utf8))
            default: (2, [])
            }
        }
        #expect(try await helper.credentials(for: "a.org") == RegistryCredentials(username: "u", password: "p"))
        #expect(try await helper.credentials(for: "token.org") == RegistryCredentials(identityToken: "t"))
        #expect(try await helper.credentials(for: "none.org") == nil)
        let odd = await #expect(throws: RegistryError.self) { try await helper.credentials(for: "odd.org") }
        #expect(odd?.description.contains("nonsense") == false)
        await #expect(throws: RegistryError.self) { try await helper.credentials(for: "broken.org") }
        let elsewhere = CredentialHelper(name: "../x", run: helper.run)
        await #expect(throws: RegistryError.self) { try await elsewhere.credentials(for: "a.org") }
    }

    @Test func looksThroughFilesInOrder() async throws {
        let directory = try TemporaryDirectory()
        let first = try directory.write("{\"auths\": {\"a.org\": {\"username\": \"first\", \"password\": \"1\"}}}", to: "first.json")
        let second = try directory.write(
            "{\"auths\": {\"a.org\": {\"username\": \"second\", \"password\": \"1\"}, \"b.org\": {\"username\": \"b\", \"password\": \"1\"}}}",
            to: "second.json")
        let image = try ImageReference(normalized: "a.org/app")
        let own = "ns1-\(sha256(Array("a.org/app".utf8)).hex).json"
        try directory.write("{\"auths\": {\"a.org\": {\"username\": \"own\", \"password\": \"1\"}}}", to: "ns/\(own)")
        let store = CredentialStore(
            authFiles: ["\(directory.path)/missing.json", first, second], namespacedDirectory: "\(directory.path)/ns", globalHelpers: ["h"],
            runHelper: { _, _, input in
                guard input == Array("c.org".utf8) else { return (1, Array("credentials not found".utf8)) }
                return (0, Array("{\"Username\":\"helped\",\"Secret\":\"p\"}".utf8))
            })
        func user(_ name: String, namespace: String? = nil) async throws -> String? {
            try await store.credentials(for: try ImageReference(normalized: name), image: image, namespace: namespace)?.username
        }
        #expect(try await user("a.org/app") == "first")
        #expect(try await user("b.org/app") == "b")
        #expect(try await user("a.org/app", namespace: "ns1") == "own")
        #expect(try await user("a.org/app", namespace: "ns2") == "first")
        #expect(try await user("a.org/app", namespace: "../ns1") == "first")
        #expect(try await user("c.org/app") == "helped")
        #expect(try await user("d.org/app") == nil)
    }

    @Test func knowsWhereFilesAre() {
        #expect(
            AuthFile.defaultPaths(environment: [:], userID: 0) == [
                "/run/containers/0/auth.json", "/root/.config/containers/auth.json", "/root/.docker/config.json",
            ])
        #expect(AuthFile.defaultPaths(environment: ["REGISTRY_AUTH_FILE": "/x"], userID: 7) == ["/x"])
    }
}
