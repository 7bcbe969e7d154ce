import Glibc

/// An IPv4 or IPv6 address, as its 4 or 16 bytes.
struct IPAddress: Sendable, Equatable {
    let bytes: [UInt8]

    init?(_ text: some StringProtocol) {
        let text = String(text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text[...])
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 {
                self.bytes = bytes
                return
            }
        }
        return nil
    }

    var isLoopback: Bool { bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1 }

    /// Whether the first `length` bits are those of `network`.
    func isWithin(_ network: IPAddress, length: Int) -> Bool {
        guard bytes.count == network.bytes.count else { return false }
        return bytes.indices.allSatisfy { index in
            let kept = min(max(length - index * 8, 0), 8)
            let mask = UInt8(truncatingIfNeeded: 0xff << (8 - kept))
            return (bytes[index] ^ network.bytes[index]) & mask == 0
        }
    }
}

/// One entry of NO_PROXY: `*`, an address, a network `address/length`, `domain` (and all below it) or `.domain` (only what is below),
/// each but the network with a port or not.
enum ProxyException: Sendable, Equatable {
    case everything
    case network(IPAddress, length: Int)
    case address(IPAddress, port: Int?)
    case domain(String, below: Bool, port: Int?)

    init?(_ entry: some StringProtocol) {
        let text = entry.lowercased()
        if text == "*" {
            self = .everything
        } else if let slash = text.firstIndex(of: "/") {
            guard let address = IPAddress(text[..<slash]), let length = Int(text[text.index(after: slash)...]),
                (0...address.bytes.count * 8).contains(length)
            else { return nil }
            self = .network(address, length: length)
        } else if let address = IPAddress(text) {
            self = .address(address, port: nil)
        } else {
            var host = text[...]
            var port: Int?
            if let colon = text.lastIndex(of: ":"), let number = UInt16(text[text.index(after: colon)...]) {
                (host, port) = (text[..<colon], Int(number))
            }
            if host.hasPrefix("*.") { host = host.dropFirst() }
            guard !host.isEmpty, host != "." else { return nil }
            if let address = IPAddress(host) {
                self = .address(address, port: port)
            } else {
                self = .domain(String(host.hasPrefix(".") ? host.dropFirst() : host), below: host.hasPrefix("."), port: port)
            }
        }
    }

    /// - Parameter host: lower case.
    func covers(host: String, address: IPAddress?, port: Int) -> Bool {
        switch self {
        case .everything: true
        case .network(let network, let length): address?.isWithin(network, length: length) ?? false
        case .address(let own, let ownPort): own == address && ownPort ?? port == port
        case .domain(let name, let below, let ownPort): (host.hasSuffix(".\(name)") || (!below && host == name)) && ownPort ?? port == port
        }
    }
}
