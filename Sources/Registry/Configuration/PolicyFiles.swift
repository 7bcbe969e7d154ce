import NIOPosix

/// Finds the signature policy for a pull, read anew each time, so that a stricter one holds at once.
struct PolicyFiles: Sendable {
    static let defaultPath = "/etc/containers/policy.json"

    /// Must exist if set.
    var file: String?
    /// Holds `NAMESPACE.json` policies that go before the general one.
    var directory: String?

    func check(_ reference: ImageReference, namespace: String?) async throws {
        try await NIOThreadPool.singleton.runIfActive { try policy(namespace: namespace) }.check(reference)
    }

    /// Reads files: not for the cooperative pool.
    func policy(namespace: String?) throws -> SignaturePolicy {
        if let directory, let namespace, !namespace.isEmpty, !namespace.contains("/") {
            let path = "\(directory)/\(namespace).json"
            if let bytes = try ConfigurationFiles.read(path) { return try .parse(bytes, file: path) }
        }
        let path = file ?? Self.defaultPath
        if let bytes = try ConfigurationFiles.read(path) { return try .parse(bytes, file: path) }
        guard file == nil else { throw RegistryError.configuration(file: path, problem: "the signature policy is missing") }
        return .acceptAnything
    }
}
