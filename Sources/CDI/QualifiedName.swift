/// A device's name among all devices, `vendor.com/class=device`. CDI specification 1.1.0, "Kind" and "CDI Devices".
public struct QualifiedName: Hashable, Sendable, CustomStringConvertible {
    public let vendor: String
    public let deviceClass: String
    public let device: String

    init(vendor: String, deviceClass: String, device: String) {
        self.vendor = vendor
        self.deviceClass = deviceClass
        self.device = device
    }

    /// - Throws: `CDIError.malformedName`.
    public init(_ text: String) throws(CDIError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let (vendor, deviceClass) = NameGrammar.kind(parts[0]), NameGrammar.isDevice(parts[1]) else {
            throw .malformedName(text)
        }
        self.init(vendor: vendor, deviceClass: deviceClass, device: String(parts[1]))
    }

    public var description: String { "\(vendor)/\(deviceClass)=\(device)" }
}

/// Which texts are names. All are ASCII.
enum NameGrammar {
    /// `vendor/class`, both valid; nil otherwise.
    static func kind(_ text: Substring) -> (vendor: String, deviceClass: String)? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, isVendorOrClass(parts[0]), isVendorOrClass(parts[1]) else { return nil }
        return (String(parts[0]), String(parts[1]))
    }

    /// Letters, digits, `_`, `-` and `.`; a letter at the beginning, a letter or digit at the end.
    static func isVendorOrClass(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, isLetter(first) else { return false }
        return isName(text, "_-.")
    }

    /// Letters, digits, `_`, `-`, `.` and `:`; a letter or digit at both ends.
    static func isDevice(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, isLetterOrDigit(first) else { return false }
        return isName(text, "_-.:")
    }

    private static func isName(_ text: Substring, _ others: String) -> Bool {
        guard let last = text.utf8.last, isLetterOrDigit(last) else { return false }
        return text.utf8.allSatisfy { isLetterOrDigit($0) || others.utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }
}
