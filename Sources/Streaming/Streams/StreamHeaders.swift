import NIOCore

/// The headers with which a client opens a stream, names in lower case. On the wire a block of Chromium's
/// "SPDY Protocol - Draft 3.1", section 2.6.10; WebSocket channels have theirs by convention.
package struct StreamHeaders: Equatable, ExpressibleByDictionaryLiteral {
    private var values: [String: String]

    package init(_ values: [String: String] = [:]) {
        self.values = values
    }

    package init(dictionaryLiteral elements: (String, String)...) {
        values = Dictionary(elements, uniquingKeysWith: { first, _ in first })
    }

    /// - Parameter block: decompressed.
    package init(block: ByteBuffer, limit: Int) throws(SPDYError) {
        var block = block
        guard let count = block.readInteger(as: UInt32.self) else { throw .malformedHeaders }
        guard count <= limit else { throw .tooManyHeaders(limit: limit) }
        values = [:]
        for _ in 0..<count {
            let name = try Self.text(&block)
            let value = try Self.text(&block)
            guard !name.isEmpty, !name.utf8.contains(where: { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") }),
                values.updateValue(value, forKey: name) == nil
            else { throw .malformedHeaders }
        }
        guard block.readableBytes == 0 else { throw .malformedHeaders }
    }

    /// The value of the header with that name, in lower case. Several values are parted by a zero byte.
    package subscript(name: String) -> String? { values[name] }

    /// As it is compressed and sent.
    package var block: ByteBuffer {
        var block = ByteBuffer()
        block.writeInteger(UInt32(values.count))
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            for text in [name, value] {
                block.writeInteger(UInt32(text.utf8.count))
                block.writeString(text)
            }
        }
        return block
    }

    private static func text(_ block: inout ByteBuffer) throws(SPDYError) -> String {
        guard let length = block.readInteger(as: UInt32.self), let bytes = block.readSlice(length: Int(length)) else {
            throw .malformedHeaders
        }
        return String(decoding: bytes.readableBytesView, as: UTF8.self)
    }
}

/// The names that Kubernetes gives to headers of streams.
extension StreamHeaders {
    package static let streamType = "streamtype"
    package static let port = "port"
    package static let requestID = "requestid"
}
