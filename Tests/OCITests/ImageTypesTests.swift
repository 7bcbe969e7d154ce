import Foundation
import Testing

@testable import OCI

@Suite struct DigestTests {
    let hex = String(repeating: "0a", count: 32)

    @Test func reads() {
        #expect(Digest("sha256:" + hex)?.description == "sha256:" + hex)
        #expect(Digest(bytes: Array(repeating: UInt8(10), count: 32))?.hex == hex)
        #expect(Digest(bytes: [1, 2]) == nil)
        for bad in [
            "", "sha256:", hex, "sha512:" + hex, "sha256:" + hex.dropLast(), "sha256:" + hex + "0", "sha256:" + hex.uppercased(),
            "sha256:../" + hex.dropLast(3),
        ] {
            #expect(Digest(bad) == nil)
        }
    }

    @Test func manifestsWithBadDigestsDoNotDecode() {
        let text = #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:zz","size":1},"layers":[]}"#
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(ImageManifest.self, from: Data(text.utf8)) }
    }

    @Test func configurationsKeepTheirNames() throws {
        let text =
            #"{"architecture":"amd64","os":"linux","config":{"User":"u","Env":["A=b"],"Cmd":["c"],"WorkingDir":"/","Volumes":{"/v":{}},"StopSignal":"SIGINT"},"rootfs":{"type":"layers","diff_ids":["sha256:\#(hex)"]},"history":[{"created_by":"x","empty_layer":true}]}"#
        let configuration = try JSONDecoder().decode(ImageConfiguration.self, from: Data(text.utf8))
        #expect(
            configuration.config?.user == "u" && configuration.config?.volumes?.keys.first == "/v"
                && configuration.config?.stopSignal == "SIGINT")
        #expect(configuration.rootfs.diffIDs.map(\.hex) == [hex] && configuration.history?.first?.emptyLayer == true)
        #expect(try JSONDecoder().decode(ImageConfiguration.self, from: try JSONEncoder().encode(configuration)) == configuration)
    }

    @Test func specificationsLeaveOutWhatIsNil() throws {
        var spec = Spec()
        spec.linux = Spec.Linux()
        spec.linux?.seccomp = .init(defaultAction: "SCMP_ACT_ERRNO")
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(spec), as: UTF8.self)
        #expect(text == #"{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO"}},"ociVersion":"1.0.2"}"#)
    }
}
