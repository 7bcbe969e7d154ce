/// A subprotocol of the channel.k8s.io family: `[vN.][base64.]channel.k8s.io`.
/// Kubernetes: the WebSocket package of k8s.io/streaming, and KEP-4006 for version 5.
struct ChannelProtocol: Equatable {
    /// As the client names it; empty for a client that names none, which then means version 1.
    let name: String
    /// 1 to 5.
    let version: Int
    /// Messages are text: a digit for the channel, then base64.
    let isBase64: Bool

    /// The byte that, before a channel's number, closes that channel. From version 5 on.
    static let closeSignal: UInt8 = 255

    var hasCloseSignal: Bool { version >= 5 }

    /// How many channels can be named: a byte does, which in base64 is a digit and what follows the digits, and with a close signal
    /// not that one.
    var channelLimit: Int { isBase64 ? Int(UInt8.max - UInt8(ascii: "0")) + 1 : hasCloseSignal ? Int(Self.closeSignal) : Int(UInt8.max) + 1 }

    /// The most ports of a port-forward, which has two channels a port.
    var portLimit: Int { channelLimit / 2 }

    /// A channel's number as a message's first byte; nil for one that there cannot be.
    func byte(ofChannel channel: UInt32) -> UInt8? {
        guard channel < channelLimit else { return nil }
        return UInt8(exactly: channel + (isBase64 ? UInt32(UInt8(ascii: "0")) : 0))
    }

    init?(name: String) {
        self.name = name
        guard !name.isEmpty else {
            (version, isBase64) = (1, false)
            return
        }
        guard var rest = name.removingSuffix("channel.k8s.io") else { return nil }
        isBase64 = rest.hasSuffix("base64.")
        if let shorter = rest.removingSuffix("base64.") { rest = shorter }
        guard let version = ["": 1, "v2.": 2, "v3.": 3, "v4.": 4, "v5.": 5][rest] else { return nil }
        self.version = version
    }
}

extension String {
    fileprivate func removingSuffix(_ suffix: String) -> String? {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : nil
    }
}
