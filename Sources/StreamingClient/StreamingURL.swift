/// The parts of a URL that Exec, Attach or PortForward has answered with.
package struct StreamingURL: Sendable, Equatable {
    package let isEncrypted: Bool
    package let host: String
    package let port: Int
    /// With its leading slash.
    package let path: String

    package struct Malformed: Error {
        let text: String
    }

    /// - Throws: `Malformed` for what is not `http[s]://HOST:PORT/PATH`.
    package init(_ text: String) throws(Malformed) {
        let parts = text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, ["http:", "https:"].contains(parts[0]), let colon = parts[2].lastIndex(of: ":"),
            let port = Int(parts[2][parts[2].index(after: colon)...])
        else { throw Malformed(text: text) }
        isEncrypted = parts[0] == "https:"
        host = parts[2][..<colon].filter { $0 != "[" && $0 != "]" }
        self.port = port
        path = "/" + parts[3]
    }
}
