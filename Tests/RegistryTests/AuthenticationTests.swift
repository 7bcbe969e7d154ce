import FoundationEssentials
import NIOCore
import Testing

@testable import Registry

@Suite struct ChallengeTests {
    @Test(arguments: [
        (["Basic realm=\"r\""], [Challenge(scheme: "basic", parameters: ["realm": "r"])]),
        (
            ["Bearer realm=\"https://auth.example.com/token\",service=\"reg\",scope=\"repository:a/b:pull,push\""],
            [
                Challenge(
                    scheme: "bearer",
                    parameters: ["realm": "https://auth.example.com/token", "service": "reg", "scope": "repository:a/b:pull,push"])
            ]
        ),
        (
            ["Basic realm=x, bEaReR ReAlM = \"y\" , service = z"],
            [
                Challenge(scheme: "basic", parameters: ["realm": "x"]),
                Challenge(scheme: "bearer", parameters: ["realm": "y", "service": "z"]),
            ]
        ),
        (["Negotiate YII==, Basic realm=\"r\""], [Challenge(scheme: "negotiate"), Challenge(scheme: "basic", parameters: ["realm": "r"])]),
        (["Negotiate", "Basic"], [Challenge(scheme: "negotiate"), Challenge(scheme: "basic")]),
        (
            ["Basic realm=\"a \\\"quoted\\\" one, with comma\""],
            [Challenge(scheme: "basic", parameters: ["realm": "a \"quoted\" one, with comma"])]
        ),
        (
            ["Bearer realm=https://auth.org/t,service=reg, Basic realm=x"],
            [
                Challenge(scheme: "bearer", parameters: ["realm": "https://auth.org/t", "service": "reg"]),
                Challenge(scheme: "basic", parameters: ["realm": "x"]),
            ]
        ),
        ([" , ,Basic realm=\"\","], [Challenge(scheme: "basic", parameters: ["realm": ""])]),
        // What follows a mistake is left out.
        (["Bearer realm=\"unclosed"], [Challenge(scheme: "bearer")]),
        (["Bearer realm="], [Challenge(scheme: "bearer")]),
        (["Bearer realm=\"a\" service=\"b\""], [Challenge(scheme: "bearer", parameters: ["realm": "a"])]),
        (["Bearer realm=\"a\\"], [Challenge(scheme: "bearer")]),
        (["=x"], []), ([""], []), (["\"x\""], []), ([], []), (["Bearer\"x\""], []),
    ])
    func parses(headers: [String], expected: [Challenge]) {
        #expect(Challenge.parse(headers) == expected)
    }

    @Test func survivesNoise() {
        var random = SplitMix(state: 7)
        let alphabet = Array("aB=\", \\\t/\u{e4}~")
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0...20, using: &random)).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
            for challenge in Challenge.parse([text]) { #expect(!challenge.scheme.isEmpty) }
        }
    }
}

@Suite struct TokenTests {
    private func parsed(_ parameters: [String: String]) -> TokenRequest? {
        TokenRequest(Challenge(scheme: "bearer", parameters: parameters), repository: "a/b")
    }

    @Test func asksWithServiceAndScope() throws {
        let scopes = "repository:a/b:pull repository:c:pull"
        let request = try #require(parsed(["realm": "https://auth.org/token?x=1", "service": "my reg", "scope": scopes]))
        let query = "service=my%20reg&scope=repository%3Aa%2Fb%3Apull&scope=repository%3Ac%3Apull"
        #expect(
            request.address(account: "me&you")?.url.absoluteString == "https://auth.org/token?x=1&account=me%26you&\(query)")
        let grant = "grant_type=refresh_token&client_id=swiftlet&refresh_token=a%2Bb%3D"
        let scope = "scope=repository%3Aa%2Fb%3Apull%20repository%3Ac%3Apull&service=my%20reg"
        #expect(String(decoding: request.form(refreshToken: "a+b="), as: UTF8.self) == "\(grant)&\(scope)")
    }

    @Test func assumesPullOfTheRepository() throws {
        #expect(try #require(parsed(["realm": "https://auth.org"])).scopes == ["repository:a/b:pull"])
    }

    @Test(arguments: [
        nil, "", "auth.org/token", "file:///etc/passwd", "ftp://auth.org", "https://", "http://127.0.0.1:70000/t", "http://a:0/",
        "http://a:99999999999999999999/", "http://a:-1/", "http://a:8x/", "http://a%0d%0ab/",
    ])
    func refusesOtherRealms(realm: String?) { #expect(parsed(realm.map { ["realm": $0] } ?? [:]) == nil) }

    @Test func readsAnswers() {
        let now = NIODeadline.uptimeNanoseconds(0)
        func read(_ text: String) -> AccessToken? { AccessToken(answer: Array(text.utf8), now: now) }
        #expect(read("{\"token\": \"t\", \"expires_in\": 300}") == AccessToken(text: "t", seconds: 300, now: now))
        #expect(read("{\"access_token\": \"t\"}")?.expires == now + .seconds(54))
        #expect(read("{\"token\": \"\", \"access_token\": \"t\", \"expires_in\": 1}")?.expires == now + .seconds(54))
        for text in ["\"300\"", "300.5", "\"300.25\""] {
            #expect(read("{\"token\": \"t\", \"expires_in\": \(text)}") == AccessToken(text: "t", seconds: 300, now: now))
        }
        for text in ["1e300", "-1", "\"nan\"", "\"inf\"", "null", "[]", "\"soon\""] {
            #expect(read("{\"token\": \"t\", \"expires_in\": \(text)}")?.text == "t")
        }
        for name in ["accessToken", "jwt"] { #expect(read("{\"\(name)\": \"t\"}")?.text == "t") }
        #expect(read("{\"token\": \"t\", \"expires_in\": 9223372036854775807}")?.expires == now + .seconds(77760))
        #expect(read("{\"token\": \"t\", \"expires_in\": 300.7}") == AccessToken(text: "t", seconds: 300, now: now))
        #expect(read("{\"token\": \"t\", \"expires_in\": \"300\"}") == AccessToken(text: "t", seconds: 300, now: now))
        for odd in ["1e300", "-1e300", "\"soon\"", "{}", "null", "-9223372036854775808"] {
            #expect(read("{\"token\": \"t\", \"expires_in\": \(odd)}")?.text == "t")
        }
        let useless = ["", "{}", "{\"token\": \"\"}", "{\"token\": \"a\\r\\nX-Evil: 1\"}", "{\"token\": 1}", "<html>"]
        for text in useless { #expect(read(text) == nil) }
    }

    @Test func cachesUntilExpiry() async throws {
        let clock = Counter()
        let cache = TokenCache { .uptimeNanoseconds(0) + .seconds(Int64(clock.value)) }
        let fetched = Counter()
        let key = TokenCache.Key(request: try #require(parsed(["realm": "https://auth.org"])), credentials: nil)
        let other = TokenCache.Key(request: key.request, credentials: RegistryCredentials(username: "u"))
        func get(_ key: TokenCache.Key, refused: String? = nil) async throws -> String {
            try await cache.token(for: key, refused: refused) {
                fetched.add(1)
                return AccessToken(text: "t\(fetched.value)", seconds: 100, now: .uptimeNanoseconds(0) + .seconds(Int64(clock.value)))
            }
        }
        #expect(try await get(key) == "t1")
        #expect(try await get(key) == "t1")
        #expect(try await get(other) == "t2")
        #expect(try await get(key, refused: "t1") == "t3")
        clock.add(91)
        #expect(try await get(key) == "t4")
    }

    @Test func concurrentCallersShareOneRequest() async throws {
        let cache = TokenCache()
        let fetched = Counter()
        let key = TokenCache.Key(request: try #require(parsed(["realm": "https://auth.org"])), credentials: nil)
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await cache.token(for: key) {
                        fetched.add(1)
                        try await Task.sleep(for: .milliseconds(20))
                        return AccessToken(text: "t", seconds: 100, now: .now())
                    }
                }
            }
            for try await token in group { #expect(token == "t") }
        }
        #expect(fetched.value == 1)
        await #expect(throws: CancellationError.self) {
            try await cache.token(for: .init(request: key.request, credentials: .init(username: "x"))) { throw CancellationError() }
        }
    }
}
