import FoundationEssentials

extension AllowedAnnotations {
    /// The umask of the containers' first processes; nil for the runtime's default.
    /// - Throws: `SpecError.invalid` for what is not one to four octal digits.
    func umask() throws(SpecError) -> UInt32? {
        guard let text = value(.umask), !text.isEmpty else { return nil }
        guard text.utf8.count <= 4, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }) else {
            throw .invalid("the annotation \(KnownAnnotation.umask.names.current) is '\(text)'; a umask has one to four octal digits")
        }
        return UInt32(text, radix: 8)
    }

    /// cgroup v2 files and their values for one container of the pod.
    /// - Throws: `SpecError.invalid` for what is not `FILE=VALUE;…`.
    public func unified(container: String) throws(SpecError) -> [String: String] {
        var result: [String: String] = [:]
        for entry in (value(.unifiedCgroup, container: container) ?? "").split(separator: ";") {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            // A name is a file of the cgroup's own directory.
            guard parts.count == 2, !parts[0].isEmpty, !parts[0].contains("/"), parts[0].contains(".") else {
                throw .invalid(
                    "the annotation \(KnownAnnotation.unifiedCgroup.names.current)/\(container) has '\(entry)', which is not FILE=VALUE")
            }
            // Digits alone can be read as base64, too; what comes of that is no text.
            let decoded = Data(base64Encoded: parts[1]).flatMap { data in data.allSatisfy { $0 < 0x7f } ? data : nil }
            result[parts[0]] = decoded.map { String(decoding: $0, as: UTF8.self) } ?? parts[1]
        }
        return result
    }
}
