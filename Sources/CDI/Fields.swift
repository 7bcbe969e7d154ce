import Yams

/// The fields of one mapping of a file. Each is taken by its name and type; what is left at the end is unknown, and an error:
/// a field passed over would be a container that lacks what its device needs.
struct Fields {
    /// Where the mapping stands in the file, `devices[0].containerEdits`; empty for the whole of it.
    let path: String
    private var values: [String: Node] = [:]

    init(_ node: Node, at path: String) throws(CDIError) {
        guard let mapping = node.mapping else { throw Self.wrong(path, "a mapping") }
        self.path = path
        for (key, value) in mapping {
            guard let name = key.scalar?.string else { throw .invalidFile("\(path.isEmpty ? "the file" : path) has a key that is no text") }
            values[name] = value
        }
    }

    /// - Throws: `CDIError.invalidFile` naming what nobody took.
    func finish() throws(CDIError) {
        if let unknown = values.keys.sorted().first { throw .invalidFile("\(self[unknown]) is no field of a CDI specification") }
    }

    /// The path of a field.
    subscript(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private mutating func take(_ key: String) -> Node? {
        guard let node = values.removeValue(forKey: key), !node.isNull else { return nil }
        return node
    }

    mutating func text(_ key: String) throws(CDIError) -> String? {
        guard let node = take(key) else { return nil }
        return try Self.text(node, self[key])
    }

    /// - Throws: `CDIError.invalidFile` also where there is none or it is empty.
    mutating func requiredText(_ key: String) throws(CDIError) -> String {
        guard let text = try text(key), !text.isEmpty else { throw .invalidFile("\(self[key]) is missing") }
        return text
    }

    mutating func texts(_ key: String) throws(CDIError) -> [String] {
        var texts: [String] = []
        for (index, node) in try nodes(key).enumerated() { texts.append(try Self.text(node, "\(self[key])[\(index)]")) }
        return texts
    }

    mutating func number<Number: FixedWidthInteger>(_ key: String, as type: Number.Type) throws(CDIError) -> Number? {
        guard let node = take(key) else { return nil }
        return try Self.number(node, self[key])
    }

    mutating func numbers<Number: FixedWidthInteger>(_ key: String, as type: Number.Type) throws(CDIError) -> [Number] {
        var numbers: [Number] = []
        for (index, node) in try nodes(key).enumerated() { numbers.append(try Self.number(node, "\(self[key])[\(index)]")) }
        return numbers
    }

    mutating func flag(_ key: String) throws(CDIError) -> Bool? {
        guard let node = take(key) else { return nil }
        guard let scalar = node.scalar, scalar.style == .plain, let flag = Bool(scalar.string) else { throw Self.wrong(self[key], "true or false") }
        return flag
    }

    mutating func mapping(_ key: String) throws(CDIError) -> Fields? {
        guard let node = take(key) else { return nil }
        return try Fields(node, at: self[key])
    }

    mutating func mappings(_ key: String) throws(CDIError) -> [Fields] {
        var mappings: [Fields] = []
        for (index, node) in try nodes(key).enumerated() { mappings.append(try Fields(node, at: "\(self[key])[\(index)]")) }
        return mappings
    }

    /// Takes a mapping of texts to texts and says whether it has any.
    mutating func hasTexts(_ key: String) throws(CDIError) -> Bool {
        guard var below = try mapping(key) else { return false }
        let keys = below.values.keys.sorted()
        for key in keys { _ = try below.text(key) }
        return !keys.isEmpty
    }

    private mutating func nodes(_ key: String) throws(CDIError) -> [Node] {
        guard let node = take(key) else { return [] }
        guard let sequence = node.sequence else { throw Self.wrong(self[key], "a list") }
        return Array(sequence)
    }

    /// Numbers and booleans without quotes are taken as their text, as other readers of YAML do.
    private static func text(_ node: Node, _ path: String) throws(CDIError) -> String {
        guard let scalar = node.scalar, !node.isNull else { throw wrong(path, "a text") }
        return scalar.string
    }

    private static func number<Number: FixedWidthInteger>(_ node: Node, _ path: String) throws(CDIError) -> Number {
        guard let scalar = node.scalar, scalar.style == .plain, let number = Number(yaml: scalar.string) else {
            throw wrong(path, "an integer from \(Number.min) to \(Number.max)")
        }
        return number
    }

    private static func wrong(_ path: String, _ wanted: String) -> CDIError {
        .invalidFile("\(path.isEmpty ? "the file" : path) is not \(wanted)")
    }
}

extension Node {
    /// YAML 1.1, "Null".
    fileprivate var isNull: Bool {
        guard let scalar, scalar.style == .plain else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }
}

extension FixedWidthInteger {
    /// Decimal, `0x` hexadecimal, and octal with `0o` (YAML 1.2) or a 0 alone (YAML 1.1), in which file modes are written.
    init?(yaml text: String) {
        if text.hasPrefix("0x") {
            self.init(text.dropFirst(2), radix: 16)
        } else if text.hasPrefix("0o") {
            self.init(text.dropFirst(2), radix: 8)
        } else if text.hasPrefix("0"), text.utf8.count > 1 {
            self.init(text.dropFirst(), radix: 8)
        } else {
            self.init(text, radix: 10)
        }
    }
}
