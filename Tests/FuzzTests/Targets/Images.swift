import FoundationEssentials
import Glibc
import Linux
import OCI
import Registry

@testable import Images

extension FuzzTarget {
    static let images: [FuzzTarget] = [
        FuzzTarget("manifest", limit: 16 << 10) { input in
            let types = [MediaType.ociIndex, MediaType.dockerList, MediaType.ociManifest, MediaType.dockerManifest, "", "text/html"]
            let type = types[Int(input.first ?? 0) % types.count]
            switch try ManifestDocument(FetchedManifest(bytes: Array(input.dropFirst()), mediaType: type), "an image") {
            case .index(let index): _ = index.entry(for: Platform(architecture: "amd64", os: "linux"))
            case .image(let manifest):
                hold(manifest.layers.count <= ImageManifest.mostLayers, "\(manifest.layers.count) layers passed")
                hold(manifest.layers.allSatisfy { (0...ImageManifest.largestBlob).contains($0.size) }, "a layer of any size passed")
            }
        },
        FuzzTarget("image-configuration", limit: 16 << 10) { input in
            _ = try JSONDecoder().decode(ImageConfiguration.self, from: Data(input))
        },
        FuzzTarget("reference") { input in
            let reference = try ImageReference(normalized: String(decoding: input, as: UTF8.self))
            hold(!reference.path.isEmpty && !reference.description.utf8.contains { $0 <= 0x20 }, "'\(reference)' is a reference")
        },
        FuzzTarget("layer", limit: 64 << 10, layer),
        FuzzTarget("layer-compression", limit: 16 << 10, compression),
        FuzzTarget("checkpoint", limit: 64 << 10, checkpoint),
    ]

    /// An archive is written into a directory; what lies beside that must be as before.
    @Sendable private static func layer(_ input: [UInt8]) throws {
        let place = try Place()
        defer { place.remove() }
        let reader = try TarReader(once(input))
        let writer = try LayerWriter(directory: place.inside)
        defer { place.check() }
        while let entry = try reader.nextEntry() { try writer.write(entry, content: reader.forEachBlock) }
        guard let diffID = Digest("sha256:" + String(repeating: "0", count: 64)) else { return }
        _ = try writer.finish(diffID: diffID, boot: "")
    }

    @Sendable private static func compression(_ input: [UInt8]) throws {
        let decoder = Compression(firstBytes: input).makeDecoder()
        var rest = input[...]
        var output = [UInt8](repeating: 0, count: 64 << 10)
        for _ in 0..<64 {
            let step = try rest.withUnsafeBytes { rest in try output.withUnsafeMutableBytes { try decoder.decode(rest, into: $0) } }
            hold(step.consumed <= rest.count && step.produced <= output.count, "a decoder went over its buffers")
            rest = rest.dropFirst(step.consumed)
            if step.consumed == 0, step.produced == 0 { return }
        }
    }

    @Sendable private static func checkpoint(_ input: [UInt8]) throws {
        let place = try Place()
        defer { place.remove() }
        let archive = "\(place.root)/archive"
        try Files.writeAtomically(input, to: archive)
        defer { place.check() }
        let reader = CheckpointReader(path: archive)
        // The documents may be bad and the rest good: both are looked at.
        do { _ = try reader.documents() } catch {}
        try reader.unpack(into: place.inside)
    }

    private static func once(_ input: [UInt8]) -> () throws -> UnsafeRawBufferPointer {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, input.count), alignment: 16)
        bytes.copyBytes(from: input)
        var isRead = false
        // Lives as long as the reader: freed with the closure.
        let owner = Owner(bytes)
        return {
            defer { isRead = true }
            return isRead ? UnsafeRawBufferPointer(start: nil, count: 0) : UnsafeRawBufferPointer(rebasing: owner.bytes[..<input.count])
        }
    }

    private final class Owner {
        let bytes: UnsafeMutableRawBufferPointer
        init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }
        deinit { bytes.deallocate() }
    }
}

/// A directory to be written into, with something beside it that must not change.
private struct Place {
    let root: String
    var inside: String { "\(root)/inside" }
    private var beside: String { "\(root)/beside" }
    private static let text = "as before"

    init() throws {
        var template = Array("/dev/shm/swiftlet-fuzz-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try Files.makeDirectories(inside)
        try Files.writeAtomically(Array(Self.text.utf8), to: beside)
    }

    /// Nothing was written, made or removed outside of `inside`.
    func check() {
        let names = (try? Files.list(root)) ?? []
        hold(Set(names).subtracting(["archive"]) == ["inside", "beside"], "beside the directory lies \(names)")
        var status = stat()
        hold(lstat(beside, &status) == 0 && status.st_nlink == 1, "a link was made to a file outside")
        hold((try? Files.readText(beside)) == Self.text, "a file outside was written")
    }

    func remove() {
        do { try TreeRemoval.remove(root) } catch { fatalError("\(root) cannot be removed: \(error)") }
    }
}
