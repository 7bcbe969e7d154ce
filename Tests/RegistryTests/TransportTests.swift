import FoundationEssentials
import NIOCore
import NIOSSL
import Testing

@testable import Registry

@Suite struct StallWatchTests {
    private let start = NIODeadline.uptimeNanoseconds(0)
    private func at(_ seconds: Int64) -> NIODeadline { start + .seconds(seconds) }

    @Test func timeRunsOnlyWhileBytesAreWanted() {
        var watch = StallWatch(limit: .seconds(10), now: start)
        #expect(watch.check(now: at(9)) == .checkAgain(at(10)))
        watch.bytesReceived()
        // The reader is slow: nothing is wanted.
        #expect(watch.check(now: at(100)) == .checkAgain(at(110)))
        watch.readRequested(now: at(100))
        watch.readRequested(now: at(105))
        #expect(watch.check(now: at(109)) == .checkAgain(at(110)))
        #expect(watch.check(now: at(110)) == .stalled)
    }

    @Test func aRequestOnAnIdleConnectionStartsAnew() {
        var watch = StallWatch(limit: .seconds(10), now: start)
        watch.bytesSent(now: at(9))
        #expect(watch.check(now: at(10)) == .checkAgain(at(19)))
        #expect(watch.check(now: at(19)) == .stalled)
        watch.bytesReceived()
        watch.bytesSent(now: at(20))
        #expect(watch.check(now: at(30)) == .checkAgain(at(40)))
    }
}

@Suite struct RetryTests {
    @Test func pausesDoubleUpToTheLongest() {
        let policy = RetryPolicy(attempts: 6, firstPause: .seconds(1), longestPause: .seconds(5))
        #expect(
            (1...6).map { policy.pause(failures: $0, jitter: 1) } == [.seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5), nil])
        #expect(policy.pause(failures: 2, jitter: 0) == .seconds(1))
        #expect(policy.pause(failures: 1, retryAfter: .seconds(5), jitter: 0) == .seconds(5))
        #expect(policy.pause(failures: 1, retryAfter: .seconds(6), jitter: 0) == nil)
        #expect(policy.pause(failures: 6, retryAfter: .zero, jitter: 0) == nil)
        #expect(policy.briefly == RetryPolicy(attempts: 2, firstPause: .seconds(1), longestPause: .seconds(1)))
        #expect(RetryPolicy(attempts: 1000).pause(failures: 999, jitter: 1) == .seconds(30))
    }

    @Test(
        arguments: [
            ("0", 0), ("120", 120), (" 7", 7), ("99999999999999999999", RetryAfter.longest),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 100), ("Sun, 06 Nov 1994 08:47:00 GMT", 0),
            ("", nil), ("-1", nil), ("1.5", nil), ("soon", nil), ("Sun, 06 Nov 1994 08:49:37 CET", nil),
            ("Sun, 06 Foo 1994 08:49:37 GMT", nil),
            ("Sun, 06 Nov 1994 25:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49 GMT", nil), ("Sun, 06 Nov 99999 08:49:37 GMT", nil),
        ] as [(String, Int?)])
    func readsRetryAfter(text: String, seconds: Int?) {
        #expect(RetryAfter.parse(text, now: 784_111_777 - 100) == seconds)
    }

    @Test func knowsTheCalendar() {
        #expect(RetryAfter.parse("Thu, 01 Jan 1970 00:00:00 GMT", now: 0) == 0)
        #expect(RetryAfter.parse("Thu, 29 Feb 2024 12:00:00 GMT", now: 1_709_207_990) == 10)
        #expect(RetryAfter.parse("Fri, 31 Dec 2100 23:59:59 GMT", now: 4_133_980_790) == 9)
        #expect(RetryAfter.parse("Fri, 31 Dec 2100 23:59:59 GMT", now: 0) == RetryAfter.longest)
    }
}

@Suite struct RedirectTests {
    private func redirect(_ from: String, _ to: String?, plain: Bool = false) throws -> Redirect {
        try Redirect(from: #require(ServerAddress(from)), location: to, allowsPlain: plain)
    }

    @Test(arguments: [
        ("https://a.org/v2/x", "/other", "https://a.org/other", true),
        ("https://a.org/v2/x", "y?z=1", "https://a.org/v2/y?z=1", true),
        ("https://a.org/v2/x", "https://A.org/y", "https://A.org/y", true),
        ("https://a.org/v2/x", "https://b.org/y", "https://b.org/y", false),
        ("https://a.org/v2/x", "https://a.org:444/y", "https://a.org:444/y", false),
        ("https://a.org/v2/x", "//b.org/y", "https://b.org/y", false),
        ("http://a.org/v2/x", "https://a.org/y", "https://a.org/y", false),
        ("http://a.org/v2/x", "http://b.org/y", "http://b.org/y", false),
    ])
    func follows(from: String, location: String, target: String, keeps: Bool) throws {
        let redirect = try redirect(from, location)
        #expect(redirect.target.url.absoluteString == target)
        #expect(redirect.keepsAuthorization == keeps)
    }

    @Test func goesToPlainHTTPOnlyIfAllowed() throws {
        #expect(throws: RegistryError.self) { try redirect("https://a.org/x", "http://a.org/x") }
        #expect(try redirect("https://a.org/x", "http://a.org/x", plain: true).keepsAuthorization == false)
    }

    @Test(arguments: [
        nil, "", "ftp://b.org/x", "file:///etc/passwd", "https:///x", "https://b.org:70000/x", "https://b.org:65536/", "https://b.org:0/",
        "https://b.org:99999999999999999999/x",
    ])
    func refuses(location: String?) {
        #expect(throws: RegistryError.self) { try redirect("https://a.org", location) }
    }

    @Test func errorsHideSignatures() {
        let error = #expect(throws: RegistryError.self) { try redirect("https://a.org/x", "http://b.org/y?X-Amz-Signature=s3cret") }
        #expect(error?.description.contains("s3cret") == false)
    }
}

@Suite struct CertificateDirectoryTests {
    @Test func readsAuthoritiesAndClientPairs() throws {
        let directory = try TemporaryDirectory()
        try directory.write(TestCertificates.authority, to: "host:5000/ca.crt")
        try directory.write(TestCertificates.client, to: "host:5000/client.cert")
        try directory.write(TestCertificates.clientKey, to: "host:5000/client.key")
        try directory.write("ignored", to: "host:5000/readme.txt")
        let certificates = CertificateDirectory(directories: ["/nonexistent", directory.path])
        let configuration = try certificates.configuration(for: "host:5000", insecure: false)
        #expect(configuration.additionalTrustRoots.count == 1)
        #expect(configuration.certificateChain.count == 1)
        #expect(configuration.privateKey != nil)
        #expect(configuration.certificateVerification == .fullVerification)
        let other = try certificates.configuration(for: "host", insecure: true)
        #expect(other.additionalTrustRoots.isEmpty)
        #expect(other.certificateVerification == .none)
    }

    @Test(arguments: [["client.cert"], ["client.key"], ["broken.crt"], ["broken.cert", "broken.key"]])
    func incompleteOrBrokenPairsAreErrors(names: [String]) throws {
        let directory = try TemporaryDirectory()
        for name in names {
            try directory.write(
                name.hasPrefix("broken") ? "-----" : name.hasSuffix("key") ? TestCertificates.clientKey : TestCertificates.client,
                to: "host/\(name)")
        }
        #expect(throws: RegistryError.self) {
            try CertificateDirectory(directories: [directory.path]).configuration(for: "host", insecure: false)
        }
    }
}
