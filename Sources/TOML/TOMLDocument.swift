import TOMLKit

/// Reading of TOML files, https://toml.io/en/v1.0.0: the one way to TOMLKit's parser, which bad text may end the program in.
public enum TOMLDocument {
    /// What is wrong with a text, and on which line, counted from 1, where that is known.
    public struct SyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
        public let line: Int?
        public let reason: String

        public var description: String { line.map { "line \($0): \(reason)" } ?? reason }
    }

    /// The document's root table.
    /// - Throws: ``SyntaxError``.
    public static func parse(_ text: String) throws(SyntaxError) -> TOMLTable {
        // The parser would stop there and take what comes before.
        guard !text.utf8.contains(0) else { throw SyntaxError(line: nil, reason: "it has a NUL byte") }
        var scanner = FaultScanner(text)
        if let fault = scanner.first() { throw fault }
        do { return try TOMLTable(string: text) } catch let error as TOMLParseError {
            throw SyntaxError(line: Int(error.source.begin.line), reason: error.description)
        } catch { throw SyntaxError(line: nil, reason: "\(error)") }
    }
}

/// Finds what the parser fails an assertion on, which ends the program, rather than with an error: a table header without a key,
/// and a list where a brace stands for a value. It has to know headers from values over several lines; of a text that is wrong
/// before that, the parser tells first.
struct FaultScanner {
    private var rest: Substring.UTF8View
    private var line = 1

    init(_ text: String) { rest = text[...].utf8 }

    mutating func first() -> TOMLDocument.SyntaxError? {
        while let byte = next() {
            switch byte {
            case UInt8(ascii: "["):
                let header = line
                if !startsKey() { return fault(header, "after '[' comes the name of a table: letters, digits, '_' and '-', or a quoted text") }
            case UInt8(ascii: "#"): skipLine()
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): continue
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                // A quoted key.
                skipString(byte)
                if !skipValue() { return fault(line, "expected value or closing ']', saw '}'") }
            default: if !skipValue() { return fault(line, "expected value or closing ']', saw '}'") }
            }
        }
        return nil
    }

    /// Behind the first bracket: whether a key comes, or what the parser has an error of its own for. The line is then behind us.
    private mutating func startsKey() -> Bool {
        skipBlanks()
        if rest.first == UInt8(ascii: "[") { _ = next() }
        skipBlanks()
        defer { skipLine() }
        guard let byte = rest.first else { return true }
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): return true
        default: return "_-\"']".utf8.contains(byte)
        }
    }

    private func fault(_ line: Int, _ reason: String) -> TOMLDocument.SyntaxError { .init(line: line, reason: reason) }

    /// To the end of a statement: the end of a line that lies in no list, table or string.
    /// - Returns: false at a brace that stands where a list has a value.
    private mutating func skipValue() -> Bool {
        var open: [UInt8] = []
        var last: UInt8 = 0
        while let byte = next() {
            switch byte {
            case UInt8(ascii: "\n"): if open.isEmpty { return true }
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): continue
            case UInt8(ascii: "#"):
                skipLine()
                continue
            case UInt8(ascii: "["), UInt8(ascii: "{"): open.append(byte)
            case UInt8(ascii: "]"): _ = open.popLast()
            case UInt8(ascii: "}"):
                if open.popLast() == UInt8(ascii: "["), "[,".utf8.contains(last) { return false }
            case UInt8(ascii: "\""), UInt8(ascii: "'"): skipString(byte)
            default: break
            }
            if byte != UInt8(ascii: "\n") { last = byte }
        }
        return true
    }

    /// Behind a string's first quote, to behind its last. A string of one line ends with the line.
    private mutating func skipString(_ quote: UInt8) {
        let isLong = rest.prefix(2).elementsEqual([quote, quote])
        if isLong {
            _ = next()
            _ = next()
        } else if rest.first == quote {
            _ = next()
            return
        }
        while let byte = rest.first {
            if byte == UInt8(ascii: "\n"), !isLong { return }
            _ = next()
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                if rest.first != UInt8(ascii: "\n") { _ = next() }
            } else if byte == quote {
                guard isLong else { return }
                if rest.prefix(2).elementsEqual([quote, quote]) {
                    _ = next()
                    _ = next()
                    // Up to two quotes more belong to the text: the last three are the end.
                    while rest.first == quote { _ = next() }
                    return
                }
            }
        }
    }

    private mutating func skipBlanks() {
        while rest.first == UInt8(ascii: " ") || rest.first == UInt8(ascii: "\t") { _ = next() }
    }

    /// To before the line's end.
    private mutating func skipLine() {
        while let byte = rest.first, byte != UInt8(ascii: "\n") { _ = next() }
    }

    private mutating func next() -> UInt8? {
        guard let byte = rest.popFirst() else { return nil }
        if byte == UInt8(ascii: "\n") { line += 1 }
        return byte
    }
}
