/// One challenge of a WWW-Authenticate header, RFC 9110 section 11.6.1.
struct Challenge: Sendable, Hashable {
    /// Lower case, as it is compared without case.
    var scheme: String
    /// Names in lower case.
    var parameters: [String: String] = [:]

    /// Every challenge in the header's values. What follows a mistake in a value is left out.
    static func parse(_ headers: some Sequence<String>) -> [Challenge] {
        headers.flatMap { header in
            var scanner = ChallengeScanner(header)
            return scanner.challenges()
        }
    }
}

/// Walks through one header value.
private struct ChallengeScanner {
    private var rest: Substring.UTF8View

    init(_ header: String) { rest = header[...].utf8 }

    mutating func challenges() -> [Challenge] {
        var found: [Challenge] = []
        while true {
            skip(" \t,")
            guard let name = token() else { return found }
            let afterName = rest
            skip(" \t")
            if !found.isEmpty, take("=") {
                skip(" \t")
                guard let value = value() else { return found }
                found[found.count - 1].parameters[name.lowercased()] = value
                // Between two parameters stands a comma; anything else is a mistake.
                skip(" \t")
                guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return found }
            } else {
                rest = afterName
                guard rest.isEmpty || " \t,".utf8.contains(rest[rest.startIndex]) else { return found }
                found.append(Challenge(scheme: name.lowercased()))
                skipToken68()
            }
        }
    }

    /// Some schemes (Negotiate) carry one opaque word instead of parameters; it is passed over.
    private mutating func skipToken68() {
        let start = rest
        skip(" \t")
        let word = rest.prefix { Self.isTokenByte($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "=") }
        let after = rest[word.endIndex...].drop { " \t".utf8.contains($0) }
        let isWhole = after.isEmpty || after.first == UInt8(ascii: ",")
        let body = word.reversed().drop { $0 == UInt8(ascii: "=") }
        if !word.isEmpty, isWhole, !body.contains(UInt8(ascii: "=")), word.count > body.count || after.isEmpty {
            rest = rest[word.endIndex...]
        } else {
            rest = start
        }
    }

    private mutating func value() -> String? {
        guard take("\"") else { return unquoted() }
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                bytes.append(escaped)
            default: bytes.append(byte)
            }
        }
        return nil
    }

    /// A value without quotation marks ought to be a token; servers write whole addresses so.
    private mutating func unquoted() -> String? {
        let bytes = rest.prefix { !" \t,\"".utf8.contains($0) }
        guard !bytes.isEmpty else { return nil }
        rest = rest[bytes.endIndex...]
        return String(Substring(bytes))
    }

    private mutating func token() -> String? {
        let bytes = rest.prefix(while: Self.isTokenByte)
        guard !bytes.isEmpty else { return nil }
        rest = rest[bytes.endIndex...]
        return String(Substring(bytes))
    }

    private mutating func skip(_ characters: String) {
        rest = rest.drop { characters.utf8.contains($0) }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
