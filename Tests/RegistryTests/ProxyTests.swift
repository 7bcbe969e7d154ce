import FoundationEssentials
import NIOHTTP1
import OCI
import Testing

@testable import Registry

@Suite struct ProxyTests {
    private let settings = ProxySettings(environment: [
        "HTTPS_PROXY": "http://user:p%40ss@proxy.example.com:3128", "http_proxy": "plain.example.com",
        "NO_PROXY": "internal.org, .below.org,10.0.0.0/8,192.168.1.7,exact.org:8443,*.star.org,fd00::/8,[::2]:80,",
    ])

    @Test(
        arguments: [
            ("https://registry.example.org/v2", "http://proxy.example.com:3128"),
            ("http://registry.example.org/v2", "http://plain.example.com:80"),
            ("https://internal.org", nil), ("https://a.INTERNAL.org:5000", nil), ("https://xinternal.org", "http://proxy.example.com:3128"),
            ("https://below.org", "http://proxy.example.com:3128"), ("https://a.below.org", nil), ("https://a.star.org", nil),
            ("https://10.200.3.4:5000", nil), ("https://11.0.0.1", "http://proxy.example.com:3128"), ("https://192.168.1.7", nil),
            ("https://192.168.1.8", "http://proxy.example.com:3128"), ("https://exact.org:8443", nil),
            ("https://exact.org", "http://proxy.example.com:3128"), ("https://[fd12::1]:5000", nil), ("http://[::2]", nil),
            ("https://localhost:5000", nil), ("https://127.0.0.1:5000", nil), ("https://[::1]", nil),
        ] as [(String, String?)])
    func choosesTheProxy(address: String, proxy: String?) throws {
        #expect(settings.proxy(for: try #require(URL(string: address)))?.description == proxy)
    }

    @Test func keepsTheLoginOutOfDescriptions() throws {
        let proxy = try #require(Proxy("http://user:p%40ss@proxy.example.com:3128"))
        #expect(proxy.username == "user" && proxy.password == "p@ss")
        #expect(!"\(proxy)".contains("user"))
        #expect(Proxy("socks5://s.org")?.description == "socks5://s.org:1080")
    }

    @Test(arguments: ["", "https://proxy.org", "ftp://proxy.org", "http://"]) func refusesOtherProxies(text: String) {
        #expect(Proxy(text) == nil)
    }

    @Test(arguments: ["", ".", "10.0.0.0/33", "10.0.0.0/-1", "name/8", "10.0.0.0/"]) func refusesMalformedExceptions(text: String) {
        #expect(ProxyException(text) == nil)
    }

    @Test func everythingMayBeExcepted() throws {
        let settings = ProxySettings(environment: ["HTTPS_PROXY": "p.org", "NO_PROXY": "*"])
        #expect(settings.proxy(for: try #require(URL(string: "https://a.org"))) == nil)
        #expect(ProxySettings().all.isEmpty)
    }

    /// The proxy gets a CONNECT for a host that nothing else could reach.
    @Test func requestsGoThroughTheProxy() async throws {
        let proxy = try await TestServer { _ in .status(.forbidden) }
        let directory = try TemporaryDirectory()
        var options = try testOptions(in: directory)
        options.proxies = ProxySettings(environment: ["HTTPS_PROXY": proxy.host])
        try await withClient(options) { client in
            let source = try client.source(for: ImageReference(normalized: "name.invalid/app"), credentials: nil, namespace: nil)
            await #expect(throws: RegistryError.self) { try await source.manifest("v1") }
        }
        #expect(proxy.requests.map(\.method) == [.CONNECT])
        #expect(proxy.requests.map(\.uri) == ["name.invalid:443"])
        await proxy.stop()
    }
}
