import FoundationEssentials
import Linux

/// A path inside a layer, as bytes: relative, without `.`, `..` and empty components. The root has none.
struct LayerPath: Hashable, Sendable {
    let bytes: [UInt8]

    static let root = LayerPath(clean: [])

    private init(clean: [UInt8]) { bytes = clean }

    /// Reads a path as an archive writes it. A leading slash means the layer's root.
    /// - Returns: nil where `..` leads above the root.
    init?(_ raw: some Sequence<UInt8>) {
        self.init(raw, from: .root)
    }

    /// Reads what a link in the directory `base` leads to, if no component is a link itself.
    /// - Returns: nil where it leads above the root.
    init?(_ raw: some Sequence<UInt8>, from base: LayerPath) {
        let text = Array(raw)
        var clean = text.first == slash ? [] : base.bytes
        for component in text.split(separator: slash) {
            if component.elementsEqual(".".utf8) { continue }
            if component.elementsEqual("..".utf8) {
                guard !clean.isEmpty else { return nil }
                clean.removeSubrange((clean.lastIndex(of: slash) ?? 0)...)
                continue
            }
            if !clean.isEmpty { clean.append(slash) }
            clean.append(contentsOf: component)
        }
        bytes = clean
    }

    var isRoot: Bool { bytes.isEmpty }

    /// The directory that it is in; the root's is the root.
    var parent: LayerPath { LayerPath(clean: Array(bytes[..<(bytes.lastIndex(of: slash) ?? 0)])) }

    /// The last component; empty for the root.
    var name: [UInt8] { Array(bytes[(bytes.lastIndex(of: slash).map { $0 + 1 } ?? 0)...]) }

    /// `name`, a single component, in this directory.
    func appending(_ name: some Sequence<UInt8>) -> LayerPath {
        LayerPath(clean: isRoot ? Array(name) : bytes + [slash] + name)
    }

    /// Every directory on the way, from the one below the root to the path itself.
    var prefixes: [LayerPath] {
        let ends = bytes.indices.filter { bytes[$0] == slash } + (isRoot ? [] : [bytes.count])
        return ends.map { LayerPath(clean: Array(bytes[..<$0])) }
    }

    /// Calls `body` with the path as C wants it; the root is `.`.
    func withCString<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
        try (isRoot ? Array(".".utf8) : bytes).withCString(body)
    }
}

private let slash = UInt8(ascii: "/")

extension LayerPath: CustomStringConvertible {
    /// For messages; bytes that are not UTF-8 are replaced.
    var description: String { isRoot ? "/" : String(decoding: bytes, as: UTF8.self) }
}

extension LayerPath: Codable {
    /// As base64: a file's name need not be UTF-8.
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let path = LayerPath(try container.decode(Data.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "the path leads above the root")
        }
        self = path
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Data(bytes))
    }
}
