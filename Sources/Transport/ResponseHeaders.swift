import GRPCCore
import NIOHPACK

/// The headers and trailers of answers. gRPC over HTTP/2, "Responses". Knows no I/O.
enum ResponseHeaders {
    /// What goes before the first message.
    static func head(_ metadata: Metadata) -> HPACKHeaders {
        var headers: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
        add(metadata, to: &headers)
        return headers
    }

    /// What ends an answer whose head has been sent.
    /// - Parameter limit: most bytes of the status message, before it is encoded.
    static func trailers(_ status: Status, _ metadata: Metadata, limit: Int) -> HPACKHeaders {
        var headers: HPACKHeaders = ["grpc-status": "\(status.code.rawValue)"]
        add(status, metadata, limit, to: &headers)
        return headers
    }

    /// An answer that is only its end.
    static func trailersOnly(_ status: Status, _ metadata: Metadata, limit: Int) -> HPACKHeaders {
        var headers: HPACKHeaders = [":status": "200", "content-type": "application/grpc", "grpc-status": "\(status.code.rawValue)"]
        add(status, metadata, limit, to: &headers)
        return headers
    }

    static func refusal(_ refusal: RequestHead.Refusal, limit: Int) -> HPACKHeaders {
        guard let status = refusal.status else { return [":status": refusal.httpStatus] }
        return trailersOnly(status, ["grpc-accept-encoding": "identity"], limit: limit)
    }

    private static func add(_ status: Status, _ metadata: Metadata, _ limit: Int, to headers: inout HPACKHeaders) {
        if !status.message.isEmpty { headers.add(name: "grpc-message", value: StatusMessage.encode(status.message, limit: limit)) }
        add(metadata, to: &headers)
    }

    private static func add(_ metadata: Metadata, to headers: inout HPACKHeaders) {
        for (key, value) in metadata { headers.add(name: key, value: value.encoded()) }
    }
}

/// The text of a status in a header.
enum StatusMessage {
    /// Percent-encodes the text, gRPC over HTTP/2 "Status-Message": all but printable ASCII, and the percent sign. A text over
    /// `limit` bytes is cut at a character's end and closed by an ellipsis: longer than a frame, it would end the connection.
    static func encode(_ text: String, limit: Int) -> String {
        var result: [UInt8] = []
        for byte in cut(text, to: limit).utf8 {
            if (0x20...0x7e).contains(byte), byte != UInt8(ascii: "%") {
                result.append(byte)
            } else {
                result += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 0xf)]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    static func cut(_ text: String, to limit: Int) -> Substring {
        guard text.utf8.count > limit else { return text[...] }
        let mark = "…"
        var end = text.startIndex
        var left = limit - mark.utf8.count
        while end < text.endIndex {
            let next = text.index(after: end)
            left -= text[end..<next].utf8.count
            guard left >= 0 else { break }
            end = next
        }
        return text[..<end] + mark
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10 }
}
