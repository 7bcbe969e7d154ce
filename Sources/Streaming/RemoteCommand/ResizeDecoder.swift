import FoundationEssentials
import NIOCore

/// Reads the sizes of terminals off a resize stream: JSON objects with Width and Height, one after the other.
struct ResizeDecoder {
    /// Most bytes of one object.
    static let limit = 1 << 10

    struct Malformed: Error, Equatable {}

    private struct Size: Decodable {
        let width: UInt16
        let height: UInt16

        enum CodingKeys: String, CodingKey {
            case width = "Width"
            case height = "Height"
        }
    }

    private var unread: [UInt8] = []

    /// The last size that is whole with these bytes: those before it are past.
    mutating func receive(_ bytes: ByteBuffer) throws(Malformed) -> TerminalSize? {
        var last: TerminalSize?
        for byte in bytes.readableBytesView {
            guard unread.count < Self.limit else { throw Malformed() }
            unread.append(byte)
            // The objects have no braces inside.
            guard byte == UInt8(ascii: "}") else { continue }
            guard let size = try? JSONDecoder().decode(Size.self, from: Data(unread)) else { throw Malformed() }
            last = TerminalSize(columns: size.width, rows: size.height)
            unread = []
        }
        return last
    }
}
