import CRI
import Linux
import OCI

/// All that a container's specification is made of. Nothing else is looked at: the same request gives the same result.
public struct SpecRequest: Sendable {
    public var containerID: String
    public var podID: String
    public var config: Runtime_V1_ContainerConfig
    public var sandbox: Runtime_V1_PodSandboxConfig
    public var image: ImageConfiguration
    /// The mounted root file system.
    public var rootfs: String
    public var namespaces: PinnedNamespaces
    public var pidNamespace: PIDNamespace
    /// As the cgroup driver writes it.
    public var cgroupsPath: String
    public var user: ResolvedUser
    public var files: PodFilePaths
    public var hostname: String
    /// The request's mounts, their host paths resolved.
    public var mounts: [ResolvedMount]
    /// All devices that it is to have, looked up on the host.
    public var devices: ContainerDevices
    /// The seccomp profile that the request asks for; nil for none. Privileged containers have the settings' one instead.
    public var seccomp: SeccompProfile?
    /// The SELinux labels; without any where labels are not in use.
    public var labels: ContainerLabels
    /// The pod's annotations, as far as the handler lets them through.
    public var allowedAnnotations: AllowedAnnotations
    public var annotations: [String: String]
    /// What the configuration's files say about this container.
    public var configured = ConfiguredParts()
    /// Whether the kernel and the pod's runtime can make a mount read-only with all that lies below it.
    public var recursiveReadOnly = true

    public init(
        containerID: String, podID: String, config: Runtime_V1_ContainerConfig, sandbox: Runtime_V1_PodSandboxConfig,
        image: ImageConfiguration, rootfs: String, namespaces: PinnedNamespaces, pidNamespace: PIDNamespace, cgroupsPath: String,
        user: ResolvedUser, files: PodFilePaths, hostname: String, mounts: [ResolvedMount] = [], devices: ContainerDevices = .init(),
        seccomp: SeccompProfile? = nil, labels: ContainerLabels = .init(),
        allowedAnnotations: AllowedAnnotations = .init([:], allowed: []), annotations: [String: String] = [:]
    ) {
        self.containerID = containerID
        self.podID = podID
        self.config = config
        self.sandbox = sandbox
        self.image = image
        self.rootfs = rootfs
        self.namespaces = namespaces
        self.pidNamespace = pidNamespace
        self.cgroupsPath = cgroupsPath
        self.user = user
        self.files = files
        self.hostname = hostname
        self.mounts = mounts
        self.devices = devices
        self.seccomp = seccomp
        self.labels = labels
        self.allowedAnnotations = allowedAnnotations
        self.annotations = annotations
    }

    var security: Runtime_V1_LinuxContainerSecurityContext { config.linux.securityContext }
    var isPrivileged: Bool { security.privileged }
    var usesHostNetwork: Bool { namespaces.net == nil }
}

/// Whose processes a container sees. CRI, NamespaceMode.
public enum PIDNamespace: Sendable, Equatable {
    /// Its own alone.
    case container
    /// Those of the pod or of another container, by the namespace's file.
    case shared(path: String)
    /// The host's.
    case node
}

/// The pod's files that are bound into its containers.
public struct PodFilePaths: Sendable, Equatable {
    public var resolver: String
    public var hostname: String
    public var sharedMemory: String

    public init(resolver: String, hostname: String, sharedMemory: String) {
        self.resolver = resolver
        self.hostname = hostname
        self.sharedMemory = sharedMemory
    }
}

/// What the host offers, as far as a specification depends on it.
public struct SpecHost: Sendable, Equatable {
    public var cgroupV2: Bool
    /// Whether a limit on hugepages can be set, and for which sizes, `2MB`.
    public var hugepageSizes: [String]
    /// Names with CAP_.
    public var boundingSet: [String]
    /// The daemon's own score, below which it may not set one without CAP_SYS_RESOURCE.
    public var oomScoreFloor: Int
    public var swapAccounting: Bool
    public var seccomp: Bool
    public var appArmor: Bool
    public var seLinux: Bool
    /// Whether a container's share of block I/O can be weighted.
    public var blockIOWeights = false
    /// Whether the kernel can make a mount read-only with all that lies below it.
    public var recursiveReadOnly = true
    /// Whether there is an /etc/hosts.
    public var hasHostsFile = true

    public init(
        cgroupV2: Bool, hugepageSizes: [String] = [], boundingSet: [String], oomScoreFloor: Int = -1000,
        swapAccounting: Bool = true, seccomp: Bool = true, appArmor: Bool = false, seLinux: Bool = false
    ) {
        self.cgroupV2 = cgroupV2
        self.hugepageSizes = hugepageSizes
        self.boundingSet = boundingSet
        self.oomScoreFloor = oomScoreFloor
        self.swapAccounting = swapAccounting
        self.seccomp = seccomp
        self.appArmor = appArmor
        self.seLinux = seLinux
    }
}

/// What the configuration file says about all containers.
public struct SpecSettings: Sendable, Equatable {
    /// Names with or without CAP_.
    public var defaultCapabilities: [String]
    /// `KEY=VALUE`.
    public var defaultEnvironment: [String]
    public var defaultLimits: [Spec.ResourceLimit]
    /// Processes a container may have where the request does not say; -1 for no bound, nil for what the cgroup driver gives.
    public var pidsLimit: Int64?
    public var readOnly: Bool
    public var devices: DeviceSettings
    /// The seccomp profile of privileged containers; nil for none.
    public var privilegedSeccomp: SeccompProfile?
    /// The AppArmor profile of RuntimeDefault, by name.
    public var appArmorProfile: String
    /// The file that containers get as /etc/localtime; nil to leave them the image's.
    public var timezoneFile: String?
    /// Whether what a container may do is inheritable, too: then programs with file capabilities get them for other users than root.
    public var inheritableCapabilities = false
    public var workloads: [Workload] = []
    /// Host paths that are not made as directories where a mount names them and they are absent.
    public var absentMountSourcesToReject: [String] = []

    public init(
        defaultCapabilities: [String] = CapabilitySet.standard, defaultEnvironment: [String] = [],
        defaultLimits: [Spec.ResourceLimit] = [], pidsLimit: Int64? = nil, readOnly: Bool = false,
        devices: DeviceSettings = .init(), privilegedSeccomp: SeccompProfile? = nil,
        appArmorProfile: String = AppArmorProfile.standardName
    ) {
        self.defaultCapabilities = defaultCapabilities
        self.defaultEnvironment = defaultEnvironment
        self.defaultLimits = defaultLimits
        self.pidsLimit = pidsLimit
        self.readOnly = readOnly
        self.devices = devices
        self.privilegedSeccomp = privilegedSeccomp
        self.appArmorProfile = appArmorProfile
    }
}

/// Why a container's request cannot be made into a specification.
public enum SpecError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The request contradicts itself or asks for what does not exist.
    case invalid(String)
    /// This host or this version cannot do it.
    case unsupported(String)

    public var description: String {
        switch self {
        case .invalid(let text), .unsupported(let text): text
        }
    }
}
