import FoundationEssentials
import OCI
import Registry
import Testing

@testable import Images

@Suite struct PlatformTests {
    private struct Index: Encodable {
        let schemaVersion = 2
        let manifests: [Descriptor]
    }

    private func platform(_ text: String) -> Platform {
        let parts = text.split(separator: "/").map(String.init)
        return Platform(architecture: parts[1], os: parts[0], variant: parts.count > 2 ? parts[2] : nil)
    }

    @Test(arguments: [
        ("linux/amd64", "linux/amd64", 0), ("linux/x86_64", "linux/amd64", 0), ("linux/amd64/v1", "linux/amd64", 0),
        ("linux/amd64/v3", "linux/amd64", nil), ("linux/arm64", "linux/arm64/v8", 0), ("linux/aarch64/v8", "linux/arm64", 0),
        ("linux/arm/v7", "linux/arm/v7", 0), ("linux/arm/v6", "linux/arm/v7", 1), ("linux/arm/v5", "linux/arm/v7", 2),
        ("linux/arm", "linux/arm/v7", 0), ("linux/arm/v8", "linux/arm/v7", nil), ("linux/arm/v7", "linux/arm64", nil),
        ("windows/amd64", "linux/amd64", nil), ("unknown/unknown", "linux/amd64", nil), ("linux/amd64/odd", "linux/amd64", nil),
        ("linux/s390x", "linux/s390x", 0),
    ])
    func distances(_ own: String, _ host: String, _ distance: Int?) {
        #expect(platform(own).distance(toHost: platform(host)) == distance)
    }

    @Test func theNearestEntryIsTaken() throws {
        func index(_ platforms: [String?]) throws -> ImageIndex {
            let manifests = platforms.enumerated().map { number, text in
                Descriptor(
                    mediaType: MediaType.ociManifest, digest: digest(of: [UInt8(number)]), size: 1, platform: text.map { platform($0) })
            }
            return try JSONDecoder().decode(ImageIndex.self, from: JSONEncoder().encode(Index(manifests: manifests)))
        }
        let host = platform("linux/arm/v7")
        #expect(try index(["linux/amd64", "linux/arm/v5", "linux/arm/v6", "linux/arm/v8"]).entry(for: host)?.digest == digest(of: [2]))
        #expect(try index([nil]).entry(for: host)?.digest == digest(of: [0]))
        #expect(try index([nil, nil]).entry(for: host) == nil)
        #expect(try index(["linux/amd64"]).entry(for: host) == nil)
    }
}

@Suite struct ManifestTests {
    @Test func layersThatCanBeUnpacked() {
        for type in [
            MediaType.ociLayer, MediaType.ociLayerGzip, MediaType.ociLayerZstd, MediaType.dockerLayer, MediaType.dockerLayerGzip,
            MediaType.dockerForeignLayerGzip, "application/vnd.docker.image.rootfs.diff.tar.zstd",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        ] { #expect(LayerMediaType.isSupported(type), "\(type)") }
        for type in [
            "", MediaType.ociLayerGzip + "+encrypted", MediaType.ociLayer + "+xz", "application/octet-stream", MediaType.ociConfig,
        ] {
            #expect(!LayerMediaType.isSupported(type), "\(type)")
        }
    }

    private func refusal(_ text: String, _ type: String = MediaType.ociManifest) -> ImageError? {
        #expect(throws: ImageError.self) { try ManifestDocument(FetchedManifest(bytes: Array(text.utf8), mediaType: type), "x") }
    }

    private let descriptor =
        #"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:\#(String(repeating: "a", count: 64))","size":2}"#

    @Test func manifestsOfOtherThings() {
        let chart = descriptor.replacing("image.config.v1", with: "cncf.helm.config.v1")
        guard case .notAnImage("x", let type) = refusal(#"{"schemaVersion":2,"config":\#(chart),"layers":[]}"#) else {
            return #expect(Bool(false))
        }
        #expect(type.contains("helm"))
        let named = #"{"schemaVersion":2,"artifactType":"application/wasm","config":\#(chart),"layers":[]}"#
        guard case .notAnImage("x", "application/wasm") = refusal(named) else { return #expect(Bool(false)) }
        guard case .unsupportedMediaType = refusal("{}", "application/vnd.unheard.of") else { return #expect(Bool(false)) }
        let encrypted = descriptor.replacing("config.v1+json", with: "layer.v1.tar+gzip+encrypted")
        guard case .unsupportedMediaType = refusal(#"{"schemaVersion":2,"config":\#(descriptor),"layers":[\#(encrypted)]}"#) else {
            return #expect(Bool(false))
        }
    }

    @Test func schema1() {
        for type in ["application/vnd.docker.distribution.manifest.v1+prettyjws", MediaType.dockerManifest] {
            guard case .obsoleteManifest = refusal(#"{"schemaVersion":1,"fsLayers":[]}"#, type) else { return #expect(Bool(false)) }
        }
    }

    @Test(arguments: ["", "[]", "null", "{", #"{"schemaVersion":2}"#, #"{"schemaVersion":2,"config":{},"layers":[]}"#])
    func malformed(_ text: String) {
        guard case .corrupt = refusal(text) else { return #expect(Bool(false)) }
    }

    @Test func onlyOneReading() {
        let both = #"{"schemaVersion":2,"config":\#(descriptor),"layers":[],"manifests":[]}"#
        for type in [MediaType.ociManifest, MediaType.ociIndex] {
            guard case .corrupt = refusal(both, type) else { return #expect(Bool(false)) }
        }
    }

    @Test func tooManyLayers() {
        let layer = descriptor.replacing("config.v1+json", with: "layer.v1.tar+gzip")
        let text = #"{"schemaVersion":2,"config":\#(descriptor),"layers":[\#(Array(repeating: layer, count: 1000).joined(separator: ","))]}"#
        guard case .tooManyLayers("x", 1000, 999) = refusal(text) else { return #expect(Bool(false)) }
    }

    @Test(arguments: ["-2", "-9223372036854775808", "9223372036854775807", "70368744177665", "99999999999999999999", "1e400", "1.5", "null"])
    func sizesThatAreNone(_ size: String) {
        let layer = descriptor.replacing("config.v1+json", with: "layer.v1.tar+gzip")
        let claimed = layer.replacing("\"size\":2}", with: "\"size\":\(size)}")
        guard case .corrupt(_, let reason) = refusal(#"{"schemaVersion":2,"config":\#(descriptor),"layers":[\#(layer),\#(claimed)]}"#) else {
            return #expect(Bool(false))
        }
        for raw in ["DecodingError", "CodingKeys", "NSCocoaError", "Swift."] { #expect(!reason.contains(raw), "\(reason)") }
    }

    /// What Docker's tools of old wrote of configurations.
    @Test(arguments: ["application/octet-stream", "application/json", "text/html", ""])
    func configurationsOfAnyType(_ type: String) throws {
        let layer = descriptor.replacing("config.v1+json", with: "layer.v1.tar+gzip")
        let config = descriptor.replacing("application/vnd.oci.image.config.v1+json", with: type)
        for config in [config, config.replacing("\"mediaType\":\"\",", with: "")] {
            let text = #"{"schemaVersion":2,"config":\#(config),"layers":[\#(layer)]}"#
            guard case .image = try ManifestDocument(FetchedManifest(bytes: Array(text.utf8), mediaType: MediaType.dockerManifest), "x") else {
                return #expect(Bool(false))
            }
        }
    }
}
