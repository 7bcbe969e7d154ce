import CLinux

/// Names of errors, errno(3), as profiles use them.
enum ErrorNumber {
    /// The number of a name or of a number's text; nil for nothing and for what is neither.
    static func value(_ text: String?) -> UInt? {
        guard let text, !text.isEmpty else { return nil }
        if let number = UInt(text) { return number <= 4095 ? number : nil }
        return numbers[text]
    }

    private static let numbers: [String: UInt] = {
        var numbers: [String: UInt] = [:]
        for number: CInt in 1..<200 {
            guard let name = clinux_errno_name(number) else { continue }
            numbers[String(cString: name)] = UInt(number)
        }
        // Second names of the same numbers.
        for (other, name) in [("EWOULDBLOCK", "EAGAIN"), ("EDEADLOCK", "EDEADLK"), ("ENOTSUP", "EOPNOTSUPP")] {
            numbers[other] = numbers[name]
        }
        return numbers
    }()
}
