/// A parser, or a state machine, of bytes that come from outside.
///
/// The same targets run in two ways: `make fuzz` builds them with libFuzzer, which looks for bytes that end the program or
/// break a property; the tests run them over what Corpus/ holds, which is small seeds and all that was ever found.
struct FuzzTarget: Sendable {
    /// The name of its folder in the corpus.
    let name: String
    /// The most bytes that an input has.
    let limit: Int
    /// Takes any bytes. What is refused by an error is right; a broken property ends the program.
    let run: @Sendable ([UInt8]) throws -> Void

    init(_ name: String, limit: Int = 4096, _ run: @escaping @Sendable ([UInt8]) throws -> Void) {
        (self.name, self.limit, self.run) = (name, limit, run)
    }

    static let all = streaming + transport + images + registries + runtime + host

    /// - Parameter input: Any bytes; those after the limit are left out.
    func consume(_ input: some Sequence<UInt8>) {
        // An error is the parser's answer, as good as a value.
        do { try run(Array(input.prefix(limit))) } catch {}
    }
}

/// Bytes taken one after the other, for targets whose input steers what they do. An input that has ended gives zeros.
struct Steering {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    var hasMore: Bool { !bytes.isEmpty }

    mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    /// As many bytes as there are, at the most `count`.
    mutating func take(_ count: Int) -> [UInt8] {
        defer { bytes = bytes.dropFirst(count) }
        return Array(bytes.prefix(count))
    }

    /// All that is left.
    mutating func rest() -> [UInt8] { take(bytes.count) }
}

/// Ends the program where what has to hold does not: that is what libFuzzer looks for, and what a test shows.
func hold(_ condition: Bool, _ what: @autoclosure () -> String) {
    guard condition else { fatalError("broken: \(what())") }
}
