import Glibc
import Linux

/// A directory of a test's own, removed when the test lets go of it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        // As the daemon does: a plugin need not read its configuration.
        signal(SIGPIPE, SIG_IGN)
        var template = Array("/tmp/swiftlet-cni-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
        path = template.withUnsafeBufferPointer { String(decoding: $0.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }
    }

    deinit { try? Files.removeTree(path) }
}
