import NIOPosix

/// Finds the signature policy for a pull, or for a container that is made of an image, read anew each time, so that a stricter one holds at once.
struct PolicyFiles: Sendable {
    static let defaultPath = "/etc/containers/policy.json"

    /// Nil for the usual place.
    var file: String?
    /// Holds `NAMESPACE.json` policies that go before the general one.
    var directory: String?

    /// - Parameter references: the names that an image has, one of which is to be allowed.
    func check(_ references: [ImageReference], namespace: String?) async throws {
        let policy = try await NIOThreadPool.singleton.runIfActive { try self.policy(namespace: namespace) }
        var refusal: (any Error)?
        for reference in references {
            do {
                try policy.check(reference)
                return
            } catch {
                refusal = refusal ?? error
            }
        }
        if let refusal { throw refusal }
    }

    /// Reads files: not for the cooperative pool.
    func policy(namespace: String?) throws -> SignaturePolicy {
        if let directory, let namespace, !namespace.isEmpty, !namespace.contains("/") {
            let path = "\(directory)/\(namespace).json"
            if let bytes = try ConfigurationFiles.read(path) { return try .parse(bytes, file: path) }
        }
        let path = file ?? Self.defaultPath
        if let bytes = try ConfigurationFiles.read(path) { return try .parse(bytes, file: path) }
        throw RegistryError.configuration(
            file: "open \(path)",
            problem: "no such file or directory: the signature policy is missing; to accept all images, write "
                + #"{"default":[{"type":"insecureAcceptAnything"}]} there"#)
    }
}
