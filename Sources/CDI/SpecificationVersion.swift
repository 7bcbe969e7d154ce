/// The versions of the CDI specification that files may name. Each has what those before it have.
enum SpecificationVersion: String, CaseIterable, Sendable, Comparable {
    case v030 = "0.3.0"
    case v040 = "0.4.0"
    case v050 = "0.5.0"
    case v060 = "0.6.0"
    case v070 = "0.7.0"
    case v080 = "0.8.0"
    case v100 = "1.0.0"
    case v110 = "1.1.0"

    /// - Throws: `CDIError.invalidFile`.
    init(_ text: String) throws(CDIError) {
        guard let version = Self(rawValue: text.hasPrefix("v") ? String(text.dropFirst()) : text) else {
            throw .invalidFile("cdiVersion is '\(text)'; known are \(Self.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self = version
    }

    static func < (left: Self, right: Self) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What a file uses, as far as old versions lack it. CDI specification 1.1.0, "Released versions".
struct UsedFeatures {
    private var newest = (version: SpecificationVersion.v030, feature: "")

    mutating func note(_ feature: String, since version: SpecificationVersion) {
        if version > newest.version { newest = (version, feature) }
    }

    /// - Throws: `CDIError.invalidFile` where the version that the file names lacks what it uses.
    func check(_ version: SpecificationVersion) throws(CDIError) {
        guard newest.version > version else { return }
        throw .invalidFile("\(newest.feature) needs cdiVersion \(newest.version.rawValue) or later; the file says \(version.rawValue)")
    }
}
