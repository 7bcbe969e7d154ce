import Crypto
import FoundationEssentials

/// The opening handshake of WebSocket, RFC 6455 section 4.2.
enum WebSocketHandshake {
    static let version = "13"

    /// Sec-WebSocket-Accept for the client's Sec-WebSocket-Key. Nil if that is not 16 bytes in base64.
    static func accept(key: String) -> String? {
        guard Data(base64Encoded: key)?.count == 16 else { return nil }
        let digest = Insecure.SHA1.hash(data: Array("\(key)258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
        return Data(digest).base64EncodedString()
    }
}
