import OCI
import Testing

@testable import Registry

@Suite struct ManifestCheckTests {
    private let manifest = Array("{\"schemaVersion\":2,\"config\":{},\"layers\":[]}".utf8)

    private func accept(_ bytes: [UInt8], type: String?, digest: Digest? = nil, declared: String? = nil) throws -> FetchedManifest {
        try ManifestCheck(what: "a.org/b:c", registry: "a.org", expected: digest).accept(bytes, contentType: type, declaredDigest: declared)
    }

    @Test func digestsMustMatch() throws {
        let digest = sha256(manifest)
        #expect(try accept(manifest, type: MediaType.ociManifest, digest: digest, declared: digest.description).digest == digest)
        #expect(try accept(manifest, type: MediaType.ociManifest, declared: "sha512:beef").digest == digest)
        #expect(throws: RegistryError.self) { try accept(manifest, type: MediaType.ociManifest, digest: sha256([])) }
        #expect(throws: RegistryError.self) { try accept(manifest, type: MediaType.ociManifest, declared: sha256([]).description) }
    }

    @Test(
        arguments: [
            ("{\"layers\":[],\"config\":{}}", "application/json", MediaType.ociManifest),
            ("{\"manifests\":[]}", nil, MediaType.ociIndex),
            ("{\"mediaType\":\"\(MediaType.dockerList)\",\"manifests\":[]}", "text/plain", MediaType.dockerList),
            ("{}", MediaType.dockerManifest, MediaType.dockerManifest),
            ("{}", "application/octet-stream", nil), ("{\"manifests\":[],\"layers\":[]}", nil, nil), ("oops", nil, nil),
            ("<html>", "text/html", nil),
        ] as [(String, String?, String?)])
    func findsTheMediaType(text: String, header: String?, expected: String?) {
        #expect((try? accept(Array(text.utf8), type: header))?.mediaType == expected)
    }
}

@Suite struct BlobTests {
    private let digest = sha256([1])

    @Test func dropsWhatWasNotAskedFor() {
        var progress = BlobProgress(size: 10, from: 4)
        progress.opened(surplus: 4)
        #expect(progress.take(3) == .keep(dropping: 3, count: 0))
        #expect(progress.take(3) == .keep(dropping: 1, count: 2))
        #expect(progress.position == 6)
        #expect(progress.take(4) == .keep(dropping: 0, count: 4))
        #expect(progress.isComplete)
        #expect(progress.take(1) == .tooLong)
    }

    @Test func failuresCountUnlessMuchCameInBetween() {
        var progress = BlobProgress(size: 10 << 20, from: 0)
        progress.broken()
        progress.opened(surplus: 0)
        _ = progress.take(1000)
        progress.broken()
        #expect(progress.failures == 2)
        progress.opened(surplus: 0)
        _ = progress.take(1 << 20)
        progress.broken()
        #expect(progress.failures == 1)
    }

    /// However a server cuts a blob into pieces and connections, the bytes kept are those of the blob, in order.
    @Test func anyCutGivesTheWholeBlob() {
        var random = SplitMix(state: 3)
        for _ in 0..<500 {
            let size = Int64.random(in: 1...200, using: &random)
            var progress = BlobProgress(size: size, from: Int64.random(in: 0...size, using: &random))
            var expected = progress.position
            while !progress.isComplete {
                let surplus = Bool.random(using: &random) ? progress.position : 0
                progress.opened(surplus: surplus)
                var sent = progress.position - surplus
                while sent < size, Int.random(in: 0..<8, using: &random) > 0 {
                    let count = Int64.random(in: 1...(size - sent), using: &random)
                    guard case .keep(let dropped, let kept) = progress.take(Int(count)) else {
                        Issue.record("a lawful piece is refused")
                        return
                    }
                    #expect(kept == 0 || sent + Int64(dropped) == expected)
                    expected += Int64(kept)
                    sent += count
                }
                progress.broken()
            }
            #expect(expected == size)
        }
    }

    @Test(
        arguments: [
            ("bytes 0-9/10", 0, 9, 10), ("bytes 5-9/*", 5, 9, nil), ("Bytes 0-0/1", 0, 0, 1),
        ] as [(String, Int64, Int64, Int64?)])
    func readsContentRange(text: String, first: Int64, last: Int64, total: Int64?) throws {
        let range = try #require(ContentRange(text))
        #expect(range.first == first && range.last == last && range.total == total)
    }

    @Test(arguments: [
        "", "bytes", "bytes */10", "bytes 9-5/10", "bytes -1-5/10", "bytes 0-9/5", "bytes 0-9/x", "items 0-9/10", "bytes 0-9",
        "bytes 0-1-2/9",
    ])
    func refusesContentRange(text: String) { #expect(ContentRange(text) == nil) }

    private func surplus(_ status: Int, range: String? = nil, length: Int64? = nil, offset: Int64) throws -> Int64 {
        try BlobAnswer.surplus(
            status: status, contentRange: range, contentLength: length, size: 10, digest: digest, offset: offset, server: "a.org")
    }

    @Test func checksWhatTheServerAnnounces() throws {
        #expect(try surplus(200, length: 10, offset: 0) == 0)
        #expect(try surplus(200, length: 10, offset: 6) == 6)
        #expect(try surplus(200, offset: 6) == 6)
        #expect(try surplus(206, range: "bytes 6-9/10", length: 4, offset: 6) == 0)
        #expect(try surplus(206, range: "bytes 6-7/*", length: 2, offset: 6) == 0)
        #expect(throws: RegistryError.self) { try surplus(206, range: "bytes 5-9/10", offset: 6) }
        #expect(throws: RegistryError.self) { try surplus(206, range: "bytes 6-10/11", offset: 6) }
        #expect(throws: RegistryError.self) { try surplus(206, offset: 6) }
        #expect(throws: RegistryError.self) { try surplus(200, length: 11, offset: 0) }
        #expect(throws: RegistryError.self) { try surplus(200, length: 9, offset: 0) }
    }

    @Test func errorDetailsAreShortAndOnOneLine() {
        #expect(
            ErrorDetail.parse(Array("{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\\naccess\"},{\"code\":\"X\"}]}".utf8))
                == "no access; X")
        #expect(ErrorDetail.parse(Array("{\"errors\":[{\"message\":\"\(String(repeating: "m", count: 999))\"}]}".utf8)).count == 200)
        for text in ["", "<html>", "{}", "{\"errors\":{}}"] { #expect(ErrorDetail.parse(Array(text.utf8)) == "") }
    }
}
