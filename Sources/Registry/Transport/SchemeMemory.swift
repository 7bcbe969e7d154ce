import NIOConcurrencyHelpers

/// Which of https and http an insecure registry turned out to speak, so that not every pull has to find out anew.
final class SchemeMemory: Sendable {
    private let schemes = NIOLockedValueBox<[String: String]>([:])

    subscript(host: String) -> String? {
        get { schemes.withLockedValue { $0[host] } }
        set { schemes.withLockedValue { $0[host] = newValue } }
    }
}
