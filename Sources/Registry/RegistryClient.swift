import Logging
import NIOConcurrencyHelpers

/// The way to every registry: holds configuration, connections and tokens for all pulls.
public final class RegistryClient: Sendable {
    private let options: RegistryOptions
    private let logger: Logger
    private let limits: ConnectionLimits
    private let clients: HTTPClients
    private let tokens = TokenCache()
    private let schemes = SchemeMemory()
    private let policies: PolicyFiles
    private let configuration: NIOLockedValueBox<RegistriesConfiguration>

    /// Reads the configuration: not for the cooperative pool.
    /// - Throws: ``RegistryError/configuration(file:problem:)``.
    public init(options: RegistryOptions, logger: Logger) throws {
        (self.options, self.logger) = (options, logger)
        configuration = NIOLockedValueBox(try Self.load(options))
        policies = PolicyFiles(file: options.policyFile, directory: options.policyDirectory)
        do { _ = try policies.policy(namespace: nil) } catch {
            // The node serves what runs on it; a file that is made later counts at once.
            logger.error("no image can be pulled or started by name", metadata: ["error": "\(error)"])
        }
        limits = ConnectionLimits(connect: options.connectTimeout, stall: options.stallTimeout)
        clients = HTTPClients(limits: limits, proxies: options.proxies)
    }

    /// Reads registries.conf and its drop-ins again. Not for the cooperative pool.
    /// - Returns: what lets it take effect for pulls to come; those under way go on with what they have.
    /// - Throws: ``RegistryError/configuration(file:problem:)``.
    public func prepareReload() throws -> @Sendable () -> Void {
        let read = try Self.load(options)
        return { [configuration] in configuration.withLockedValue { $0 = read } }
    }

    /// Full names that `image` may stand for, in the order in which to try them; one unless it is a short name.
    /// - Throws: ``ReferenceError``, or ``RegistryError`` if a short name leads nowhere or to too many places.
    public func candidates(for image: String) throws -> [ImageReference] {
        try configuration.withLockedValue { $0 }.candidates(for: image, mode: options.shortNameMode)
    }

    /// Where a reference's content comes from. Nothing is asked of the network yet.
    /// - Parameters:
    ///   - credentials: the caller's, for the registry itself. Mirrors get what the auth files hold for them.
    ///   - namespace: the pod's, which may have credentials and a policy of its own.
    /// - Throws: ``RegistryError`` if configuration blocks the reference or is wrong about it.
    public func source(for reference: ImageReference, credentials: RegistryCredentials?, namespace: String?) throws -> any ImageSource {
        let configuration = configuration.withLockedValue { $0 }
        let store = CredentialStore(
            authFiles: options.authFiles, namespacedDirectory: options.namespacedAuthDirectory,
            globalHelpers: configuration.credentialHelpers, runHelper: options.runHelper)
        let endpoints = try configuration.endpoints(for: reference, insecureHosts: options.insecureRegistries)
        let clients = endpoints.map { endpoint in
            client(for: endpoint) {
                if !endpoint.isMirror, let credentials, !credentials.isEmpty { return credentials }
                return try await store.credentials(for: endpoint.reference, image: reference, namespace: namespace)
            }
        }
        return MirroredSource(
            endpoints: clients, retry: options.retry, stallSeconds: limits.stallSeconds,
            floor: ProgressFloor(window: options.progressWindow), logger: logger
        ) { [policies] in
            try await policies.check([reference], namespace: namespace)
        }
    }

    /// Whether the signature policy lets an image be used that is on this node.
    /// - Parameters:
    ///   - references: the names that the image has, one of which is to be allowed.
    ///   - namespace: the pod's, which may have a policy of its own.
    /// - Throws: ``RegistryError/rejectedByPolicy(_:scope:)``, ``RegistryError/policyUnsupported(_:scope:requirement:)`` or
    ///   ``RegistryError/configuration(file:problem:)``.
    public func checkPolicy(_ references: [ImageReference], namespace: String?) async throws {
        try await policies.check(references, namespace: namespace)
    }

    /// Closes every connection. Must be called before the last reference goes.
    public func shutdown() async {
        await clients.shutdown(logger: logger)
    }

    private func client(
        for endpoint: Endpoint, credentials: @escaping @Sendable () async throws -> RegistryCredentials?
    ) -> EndpointClient {
        let sender = HTTPSender(
            clients: clients, certificates: CertificateDirectory(directories: options.certificateDirectories), insecure: endpoint.insecure,
            limits: limits, userAgent: options.userAgent)
        let authorizer = Authorizer(endpoint: endpoint, sender: sender, cache: tokens, credentials: credentials)
        let retry = endpoint.isMirror ? options.retry.briefly : options.retry
        return EndpointClient(
            endpoint: endpoint, sender: sender, authorizer: authorizer, schemes: schemes, retry: retry, logger: logger)
    }

    private static func load(_ options: RegistryOptions) throws -> RegistriesConfiguration {
        try RegistriesFile.load(file: options.registriesFile, directory: options.registriesDirectory)
    }
}
