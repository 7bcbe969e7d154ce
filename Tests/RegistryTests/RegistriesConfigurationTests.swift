import OCI
import Testing

@testable import Registry

private let digest = "sha256:" + String(repeating: "ab", count: 32)

private func parse(_ text: String) throws -> RegistriesConfiguration { try RegistriesFile.parse(text, file: "registries.conf") }

private func endpoints(_ text: String, _ reference: String, insecure: [String] = []) throws -> [String] {
    try parse(text).endpoints(for: try ImageReference(normalized: reference), insecureHosts: insecure).map {
        "\($0.reference)\($0.insecure ? " insecure" : "")\($0.isMirror ? " mirror" : "")"
    }
}

@Suite struct RegistriesConfigurationTests {
    @Test func resolvesShortNames() throws {
        let configuration = try parse(
            """
            unqualified-search-registries = ["docker.io", "localhost:5000/mirror/"]
            [aliases]
            "fedora" = "registry.fedoraproject.org/fedora"
            "user/tool" = "example.com/tool"
            """)
        func names(_ image: String, _ mode: ShortNameMode? = nil) throws -> [String] {
            try configuration.candidates(for: image, mode: mode).map(\.description)
        }
        #expect(try names("busybox:1") == ["docker.io/library/busybox:1", "localhost:5000/mirror/busybox:1"])
        #expect(try names("user/app") == ["docker.io/user/app:latest", "localhost:5000/mirror/user/app:latest"])
        #expect(try names("fedora:40") == ["registry.fedoraproject.org/fedora:40"])
        #expect(try names("fedora@\(digest)") == ["registry.fedoraproject.org/fedora@\(digest)"])
        #expect(try names("user/tool") == ["example.com/tool:latest"])
        #expect(try names("fedora", .disabled) == ["docker.io/library/fedora:latest", "localhost:5000/mirror/fedora:latest"])
        #expect(try names("example.com/x") == ["example.com/x:latest"])
        #expect(throws: RegistryError.self) { try names("busybox", .enforcing) }
        #expect(throws: ReferenceError.self) { try names("Bad Name") }
    }

    @Test func searchesDockerHubUnlessToldOtherwise() throws {
        #expect(try RegistriesConfiguration().candidates(for: "busybox").map(\.description) == ["docker.io/library/busybox:latest"])
        let none = try parse("unqualified-search-registries = []")
        #expect(throws: RegistryError.self) { try none.candidates(for: "busybox") }
    }

    @Test(
        arguments: [
            ("example.com", "example.com/app:v1", 11),
            ("example.com/app", "example.com/app:v1", 15),
            ("example.com/app:v1", "example.com/app:v1", 18),
            ("example.com/ap", "example.com/app:v1", nil),
            ("example.co", "example.com/app:v1", nil),
            ("example.com", "example.com:5000/app:v1", 11),
            ("*.example.com", "a.example.com/app:v1", 13),
            ("*.example.com", "a.b.example.com:5000/app:v1", 15),
            ("*.example.com:5000", "a.example.com:5000/app:v1", 18),
            ("*.example.com", "example.com/app:v1", nil),
            ("*.example.com", "badexample.com/app:v1", nil),
            ("*.example.com", "other.org/a.example.com/app:v1", nil),
        ] as [(String, String, Int?)])
    func matchesPrefixes(prefix: String, reference: String, length: Int?) {
        #expect(RegistriesConfiguration.Registry(prefix: prefix, location: "x.org").matchedLength(of: reference) == length)
    }

    @Test func triesMirrorsInOrderThenTheRegistry() throws {
        let text = """
            [[registry]]
            prefix = "example.com/team"
            location = "internal.example.com:8443/real"
            insecure = true
            [[registry.mirror]]
            location = "one.example.com"
            pull-from-mirror = "digest-only"
            [[registry.mirror]]
            location = "two.example.com/copy/"
            insecure = true
            pull-from-mirror = "tag-only"
            [[registry.mirror]]
            location = "three.example.com"
            [[registry]]
            location = "example.com"
            """
        #expect(
            try endpoints(text, "example.com/team/app:v1") == [
                "two.example.com/copy/app:v1 insecure mirror", "three.example.com/app:v1 mirror",
                "internal.example.com:8443/real/app:v1 insecure",
            ])
        #expect(
            try endpoints(text, "example.com/team/app@\(digest)") == [
                "one.example.com/app@\(digest) mirror", "three.example.com/app@\(digest) mirror",
                "internal.example.com:8443/real/app@\(digest) insecure",
            ])
        #expect(try endpoints(text, "example.com/other:v1") == ["example.com/other:v1"])
        #expect(try endpoints(text, "elsewhere.org/app") == ["elsewhere.org/app:latest"])
        #expect(try endpoints(text, "elsewhere.org/app", insecure: ["elsewhere.org"]) == ["elsewhere.org/app:latest insecure"])
    }

    @Test func honoursMirrorByDigestOnly() throws {
        let text = """
            [[registry]]
            location = "example.com"
            mirror-by-digest-only = true
            mirror = [{ location = "m.example.com" }]
            """
        #expect(try endpoints(text, "example.com/app:v1") == ["example.com/app:v1"])
        #expect(try endpoints(text, "example.com/app@\(digest)").count == 2)
    }

    @Test func wildcardsKeepOrReplaceTheHost() throws {
        #expect(
            try endpoints("[[registry]]\nprefix = '*.example.com'\ninsecure = true", "a.example.com/app:v1") == [
                "a.example.com/app:v1 insecure"
            ])
        #expect(
            try endpoints("[[registry]]\nprefix = '*.example.com'\nlocation = 'all.org/x'", "a.example.com/app:v1") == ["all.org/x/app:v1"])
    }

    @Test func blocks() throws {
        let configuration = try parse("[[registry]]\nlocation = 'bad.org'\nblocked = true\n[[registry]]\nlocation = 'bad.org/good'")
        #expect(throws: RegistryError.self) { try configuration.endpoints(for: try ImageReference(normalized: "bad.org/app")) }
        #expect(try configuration.endpoints(for: try ImageReference(normalized: "bad.org/good/app")).count == 1)
    }

    @Test func dockerHubIsReachedAtItsApi() throws {
        #expect(try RegistriesConfiguration().endpoints(for: ImageReference(normalized: "busybox")).first?.host == "registry-1.docker.io")
    }

    @Test func dropInsGoOverTheMainFile() throws {
        let directory = try TemporaryDirectory()
        let main = try directory.write(
            """
            unqualified-search-registries = ["a.org"]
            [[registry]]
            location = "x.org"
            [aliases]
            "one" = "x.org/one"
            "two" = "x.org/two"
            """, to: "registries.conf")
        try directory.write("unqualified-search-registries = ['c.org']\n[[registry]]\nlocation = 'x.org'\nblocked = true", to: "d/20.conf")
        try directory.write(
            "unqualified-search-registries = ['b.org']\nshort-name-mode = 'enforcing'\n[aliases]\n'one' = ''", to: "d/10.conf")
        try directory.write("not toml", to: "d/30.txt")
        let configuration = try RegistriesFile.load(file: main, directory: "\(directory.path)/d")
        #expect(configuration.searchRegistries == ["c.org"])
        #expect(configuration.shortNameMode == .enforcing)
        #expect(configuration.registries == [.init(prefix: "x.org", location: "x.org", blocked: true)])
        #expect(configuration.aliases == ["two": "x.org/two"])
        #expect(try RegistriesFile.load(file: "\(directory.path)/none", directory: "\(directory.path)/none") == RegistriesConfiguration())
    }

    @Test(arguments: [
        ("unqualified-search-registries = 'docker.io'", "unqualified-search-registries"),
        ("[[registry]]\nlocation = \"unclosed", "line 2"),
        ("[[registry]]\ninsecure = true", "neither prefix nor location"),
        ("[[registry]]\nprefix = 'a.org'", "no location"),
        ("[[registry]]\nlocation = 'https://a.org'", "without http://"),
        ("[[registry]]\nprefix = 'a.*.org'\nlocation = 'b.org'", "wildcard"),
        ("[[registry]]\nlocation = 'a.org'\n[[registry.mirror]]\ninsecure = true", "no location"),
        ("[[registry]]\nlocation = 'a.org'\n[[registry.mirror]]\nlocation = 'b.org'\npull-from-mirror = 'never'", "never"),
        (
            "[[registry]]\nlocation = 'a.org'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'b.org'\npull-from-mirror = 'all'",
            "mirror-by-digest-only"
        ),
        ("short-name-mode = 'perhaps'", "perhaps"),
        ("[registries.search]\nregistries = ['a.org']", "version 1"),
        ("[[registry]]\nlocation = 'a.org'\nblocked = true\n[[registry]]\nlocation = 'a.org'", "a.org"),
    ])
    func namesWhatIsWrong(text: String, part: String) {
        let error = #expect(throws: RegistryError.self) { try parse(text) }
        #expect(error?.description.contains(part) == true, "\(String(describing: error))")
        #expect(error?.description.hasPrefix("registries.conf: ") == true)
    }
}
