import Yams

/// The fields of a YAML mapping. Go's reader takes names in any case; so do we, where they are names of fields.
struct YAMLObject {
    let fields: [(name: String, value: Yams.Node)]

    /// An absent or empty document has no fields.
    /// - Throws: `SpecError.invalid` for what is no mapping.
    init(_ node: Yams.Node?, _ what: String, lowercased: Bool = true) throws(SpecError) {
        guard let node, node.null == nil else {
            fields = []
            return
        }
        guard let mapping = node.mapping else { throw .invalid("\(what) is no mapping") }
        fields = mapping.compactMap { key, value in key.string.map { (lowercased ? $0.lowercased() : $0, value) } }
    }

    subscript(name: String) -> Yams.Node? { fields.first { $0.name == name }?.value }
}

/// Kubernetes' quantities of whole things: `50M`, `10k`, `1Mi`, `7`.
enum BinaryQuantity {
    private static let factors: [String: UInt64] = [
        "": 1, "k": 1000, "M": 1_000_000, "G": 1_000_000_000, "T": 1_000_000_000_000, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30,
        "Ti": 1 << 40,
    ]

    /// Nil for what is no such quantity or does not fit.
    static func value(_ text: String) -> UInt64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let factor = factors[String(unit)], let number = UInt64(digits) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }
}
