import OCI
import Testing

@testable import Registry

private let hex = String(repeating: "0123456789abcdef", count: 4)

@Suite struct ReferenceTests {
    @Test(arguments: [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("user/app", "docker.io/user/app:latest"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("index.docker.io/busybox", "docker.io/library/busybox:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
        ("127.0.0.1:5000/a/b/c:v1", "127.0.0.1:5000/a/b/c:v1"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        ("[2001:db8::1]/app:x", "[2001:db8::1]/app:x"),
        ("Upper/app", "Upper/app:latest"),
        ("example.com/a__b/c--d/e.f_g", "example.com/a__b/c--d/e.f_g:latest"),
        ("example.com/app@sha256:\(hex)", "example.com/app@sha256:\(hex)"),
        ("example.com/app:v1@sha256:\(hex)", "example.com/app:v1@sha256:\(hex)"),
        ("app@sha256:\(hex)", "docker.io/library/app@sha256:\(hex)"),
        ("app:_tag.with-all", "docker.io/library/app:_tag.with-all"),
    ])
    func normalises(text: String, canonical: String) throws {
        let reference = try ImageReference(normalized: text)
        #expect(reference.description == canonical)
        // The canonical form is a fixed point.
        #expect(try ImageReference(normalized: canonical) == reference)
    }

    @Test(arguments: [
        ("", ReferenceError.empty),
        (hex, .identifier(hex)),
        ("Busybox", .upperCase("Busybox")),
        ("example.com/App", .upperCase("example.com/App")),
        ("example.com/", .invalidPath("", in: "example.com/")),
        ("/app", .invalidPath("/app", in: "/app")),
        ("a//b", .invalidPath("a//b", in: "a//b")),
        ("a/b/", .invalidPath("a/b/", in: "a/b/")),
        ("-a", .invalidPath("-a", in: "-a")),
        ("a-", .invalidPath("a-", in: "a-")),
        ("a..b", .invalidPath("a..b", in: "a..b")),
        ("a___b", .invalidPath("a___b", in: "a___b")),
        ("a._b", .invalidPath("a._b", in: "a._b")),
        ("a b", .invalidPath("a b", in: "a b")),
        ("ä", .invalidPath("ä", in: "ä")),
        ("app:", .invalidTag("", in: "app:")),
        ("app:.x", .invalidTag(".x", in: "app:.x")),
        ("app:a:b", .invalidTag("a:b", in: "app:a:b")),
        ("app:a/b", .invalidPath("b", in: "app:a/b")),
        ("app@", .invalidDigest("", in: "app@")),
        ("app@sha256:abc", .invalidDigest("sha256:abc", in: "app@sha256:abc")),
        ("app@sha256:\(hex.uppercased())", .invalidDigest("sha256:\(hex.uppercased())", in: "app@sha256:\(hex.uppercased())")),
        ("-x.com/app", .invalidDomain("-x.com", in: "-x.com/app")),
        ("a..com/app", .invalidDomain("a..com", in: "a..com/app")),
        ("example.com:/app", .invalidDomain("example.com:", in: "example.com:/app")),
        ("example.com:0/app", .invalidDomain("example.com:0", in: "example.com:0/app")),
        ("example.com:65536/app", .invalidDomain("example.com:65536", in: "example.com:65536/app")),
        ("[::1]:99999999999999999999/app", .invalidDomain("[::1]:99999999999999999999", in: "[::1]:99999999999999999999/app")),
        ("example.com:80x/app", .invalidDomain("example.com:80x", in: "example.com:80x/app")),
        ("http://example.com/app", .invalidDomain("http:", in: "http://example.com/app")),
        ("[::1/app.x", .invalidPath("[::1/app.x", in: "")),
    ])
    func refuses(text: String, error: ReferenceError) {
        let thrown = #expect(throws: ReferenceError.self) { try ImageReference(normalized: text) }
        // Which mistake is named first in a text with several is not promised.
        if text != "app:a/b", !text.hasPrefix("[") { #expect(thrown == error) }
    }

    @Test func limitsLengths() throws {
        let tag = String(repeating: "t", count: 128)
        #expect(try ImageReference(normalized: "app:\(tag)").tag == tag)
        #expect(throws: ReferenceError.self) { try ImageReference(normalized: "app:\(tag)t") }
        let path = String(repeating: "p", count: 255)
        #expect(try ImageReference(normalized: "example.com/\(path)").path == path)
        #expect(throws: ReferenceError.pathTooLong("example.com/\(path)p")) { try ImageReference(normalized: "example.com/\(path)p") }
    }

    @Test func knowsShortNames() {
        for name in ["busybox", "user/app", "library/busybox:1", "a/b/c@sha256:\(hex)"] { #expect(ImageReference.isShortName(name)) }
        for name in ["example.com/app", "localhost/app", "host:1/app", "", hex, "UPPER", "Upper/app"] {
            #expect(!ImageReference.isShortName(name))
        }
    }

    @Test func asksForTheDigestFirst() throws {
        #expect(try ImageReference(normalized: "app:v1@sha256:\(hex)").manifestReference == "sha256:\(hex)")
        #expect(try ImageReference(normalized: "app:v1").manifestReference == "v1")
    }

    /// Whatever the bytes, reading ends in a value that reads back the same, or in an error.
    @Test func survivesNoise() {
        var random = SplitMix(state: 42)
        let alphabet = Array("aZ0.:/@-_[]{ \u{e4}\u{0}sha256")
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0...14, using: &random)).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
            if let reference = try? ImageReference(normalized: text) {
                #expect((try? ImageReference(normalized: reference.description)) == reference, "\(text)")
            }
        }
    }
}
