import OCI
import Registry

/// What a caller calls an image by.
enum ImageName: Equatable {
    /// Digits of an id, 3 to 64. Fewer than 64 may be a name as well.
    case idDigits(String)
    case reference(String)

    /// The fewest digits that may stand for an id, as in the containers tools.
    static let fewestDigits = 3

    init(_ text: String) {
        let digits = text.hasPrefix("sha256:") ? text.dropFirst("sha256:".count) : text[...]
        let isHexadecimal = digits.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        self = isHexadecimal && (Self.fewestDigits...64).contains(digits.utf8.count) ? .idDigits(String(digits)) : .reference(text)
    }
}

extension ImageReference {
    /// The name as images list it: with the digest if there is one, else with the tag.
    var listed: String { digest.map { "\(name)@\($0)" } ?? "\(name):\(tag ?? "latest")" }
}
