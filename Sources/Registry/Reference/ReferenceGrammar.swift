/// The grammar of image references, as github.com/distribution/reference defines it, one predicate a production.
enum ReferenceGrammar {
    /// domain: host name, IPv4 address or bracketed IPv6 address, and a port after it, 1 to 65535, or not.
    static func isDomain(_ text: Substring) -> Bool {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return false }
            let address = text[text.index(after: text.startIndex)..<end].utf8
            return !address.isEmpty && address.allSatisfy { isHexadecimal($0) || $0 == UInt8(ascii: ":") }
                && isPortSuffix(text[text.index(after: end)...])
        }
        let host = text.prefix { $0 != ":" }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isDomainComponent)
            && isPortSuffix(text[host.endIndex...])
    }

    /// path-component *("/" path-component)
    static func isPath(_ text: Substring) -> Bool {
        text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(isPathComponent)
    }

    /// A word character, then at most 127 of word characters, dots and hyphens.
    static func isTag(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, isWord(first), text.utf8.count <= 128 else { return false }
        return text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    static func isIdentifier(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }
    }

    private static func isPortSuffix(_ text: Substring) -> Bool {
        guard !text.isEmpty else { return true }
        guard text.hasPrefix(":") else { return false }
        let port = text.dropFirst()
        return port.utf8.allSatisfy(isDigit) && UInt16(port).map { $0 > 0 } ?? false
    }

    private static func isDomainComponent(_ text: Substring) -> Bool {
        let bytes = text.utf8
        guard let first = bytes.first, let last = bytes.last, first != UInt8(ascii: "-"), last != UInt8(ascii: "-") else { return false }
        return bytes.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
    }

    /// Runs of lower-case letters and digits, joined by one dot, one or two underscores, or any number of hyphens.
    private static func isPathComponent(_ text: Substring) -> Bool {
        var separator: [UInt8] = []
        var seen = false
        for byte in text.utf8 {
            if isLower(byte) || isDigit(byte) {
                guard separator.isEmpty || (seen && isSeparator(separator)) else { return false }
                separator.removeAll(keepingCapacity: true)
                seen = true
            } else {
                separator.append(byte)
            }
        }
        return seen && separator.isEmpty
    }

    private static func isSeparator(_ bytes: [UInt8]) -> Bool {
        bytes == [UInt8(ascii: ".")] || bytes == [UInt8(ascii: "_")] || bytes == [UInt8(ascii: "_"), UInt8(ascii: "_")]
            || bytes.allSatisfy { $0 == UInt8(ascii: "-") }
    }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }
    private static func isWord(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "_") }
    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}
