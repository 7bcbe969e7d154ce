/// Where a ``RegistryClient`` finds its configuration, and its limits. Paths are those of the containers tools unless set.
public struct RegistryOptions: Sendable {
    /// registries.conf(5); may be missing.
    public var registriesFile = "/etc/containers/registries.conf"
    /// Its drop-ins, registries.conf.d(5).
    public var registriesDirectory = "/etc/containers/registries.conf.d"
    /// Goes before the mode that registries.conf sets.
    public var shortNameMode: ShortNameMode?
    /// `host[:port]` of registries that are insecure besides those that registries.conf marks.
    public var insecureRegistries: [String] = []
    /// Files in the format of containers-auth.json(5) or of Docker's config.json, asked in this order.
    public var authFiles: [String] = []
    /// Holds `NAMESPACE-SHA256(image name).json` files with credentials for one namespace's pods.
    public var namespacedAuthDirectory: String?
    /// Hold a folder `host[:port]` with certificates for each server that needs it.
    public var certificateDirectories = ["/etc/containers/certs.d", "/etc/docker/certs.d"]
    /// containers-policy.json(5); nil for /etc/containers/policy.json. Without the file nothing is pulled.
    public var policyFile: String?
    /// Holds `NAMESPACE.json` policies that go before the general one.
    public var policyDirectory: String?
    /// Runs credential helpers; without it an auth file that names one is an error.
    public var runHelper: HelperRunner?
    public var connectTimeout: Duration = .seconds(15)
    /// A connection that gives no byte for so long, while bytes are wanted, is given up.
    public var stallTimeout: Duration = .seconds(30)
    /// A blob of which fewer than 64 KiB come within so long, while bytes are wanted, is given up.
    public var progressWindow: Duration = .seconds(60)
    public var retry = RetryPolicy()
    public var proxies = ProxySettings()
    public var userAgent = "swiftlet"

    public init() {}

    /// Where the containers tools and Docker keep a user's credentials, in the order in which they are looked up.
    public static func defaultAuthFiles(environment: [String: String], userID: UInt32) -> [String] {
        AuthFile.defaultPaths(environment: environment, userID: userID)
    }
}
