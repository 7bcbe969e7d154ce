/// What the configuration file says about devices.
public struct DeviceSettings: Sendable, Equatable {
    /// Every container has these.
    public var additional: [DeviceMapping]
    /// Host paths that pods may ask for by annotation.
    public var allowed: [String]
    /// Whether the request's devices belong to the user and group of its security context instead of the host's.
    public var ownershipFromSecurityContext: Bool
    /// Directories of CDI specifications; the later ones win.
    public var cdiDirectories: [String]

    public init(
        additional: [DeviceMapping] = [], allowed: [String] = [], ownershipFromSecurityContext: Bool = false, cdiDirectories: [String] = []
    ) {
        self.additional = additional
        self.allowed = allowed
        self.ownershipFromSecurityContext = ownershipFromSecurityContext
        self.cdiDirectories = cdiDirectories
    }
}
