/// The daemon's configuration: the tables and keys of crio.conf(5), with defaults for a host where nothing is configured.
/// What each key means, where it is read and whether it may change at a reload stands in `ConfigurationKey.all`.
public struct Configuration: Sendable, Equatable {
    public var crio = Crio()
    public var api = API()
    public var runtime = Runtime()
    public var image = Image()
    public var network = Network()
    public var stats = Stats()

    public init() {}

    /// `[crio]`.
    public struct Crio: Sendable, Equatable {
        public var root = "/var/lib/swiftlet"
        public var runroot = "/run/swiftlet"
    }

    /// `[crio.api]`.
    public struct API: Sendable, Equatable {
        public var listen = "/run/swiftlet/swiftlet.sock"
        public var streamAddress = "127.0.0.1"
        public var streamPort = "0"
        public var streamEnableTLS = false
        public var streamTLSCert = ""
        public var streamTLSKey = ""
        public var streamTLSCA = ""
        public var streamIdleTimeout = ""
    }

    /// `[crio.runtime]`.
    public struct Runtime: Sendable, Equatable {
        public var defaultRuntime = ""
        public var conmon = ""
        public var conmonCgroup = "pod"
        public var conmonEnv: [String] = []
        public var cgroupManager = ""
        public var defaultCapabilities = [
            "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "KILL",
        ]
        public var defaultSysctls: [String] = []
        public var defaultUlimits: [String] = []
        public var defaultEnv: [String] = []
        public var pidsLimit = -1
        public var logSizeMax = -1
        public var noPivot = false
        public var readOnly = false
        public var absentMountSourcesToReject: [String] = []
        public var seccompProfile = ""
        public var privilegedSeccompProfile = ""
        public var seccompUseDefaultWhenEmpty = false
        public var apparmorProfile = "swiftlet-default"
        public var selinux = false
        public var hostnetworkDisableSelinux = true
        public var pinnsPath = ""
        public var additionalDevices: [String] = []
        public var allowedDevices = ["/dev/fuse", "/dev/net/tun"]
        public var deviceOwnershipFromSecurityContext = false
        public var cdiSpecDirs = ["/etc/cdi", "/var/run/cdi"]
        public var hooksDir = ["/usr/share/containers/oci/hooks.d"]
        public var defaultMounts: [String] = []
        public var defaultMountsFile = ""
        public var timezone = ""
        public var addInheritableCapabilities = false
        public var bindMountPrefix = ""
        public var infraCtrCPUSet = ""
        public var blockIOConfigFile = ""
        public var blockIOReload = false
        public var rdtConfigFile = ""
        public var logLevel = "info"
        public var logFilter = ""
        public var minimumMappableUID = -1
        public var minimumMappableGID = -1
        public var enableCRIUSupport = true
        public var enablePodEvents = false
        /// By name; `runc` is always among them.
        public var runtimes: [String: Handler] = [:]
        /// By name.
        public var workloads: [String: Workload] = [:]
    }

    /// `[crio.runtime.runtimes.NAME]`.
    public struct Handler: Sendable, Equatable {
        public var runtimePath = ""
        public var runtimeType = "oci"
        public var runtimeRoot = ""
        public var monitorPath = ""
        public var monitorCgroup = ""
        public var monitorEnv: [String] = []
        public var privilegedWithoutHostDevices = false
        public var allowedAnnotations: [String] = []
        public var defaultAnnotations: [String: String] = [:]
        /// As `12MiB`; empty for no bound of the handler's own.
        public var containerMinMemory = ""
        /// Seconds that the making of a container may take; at least 30 come of it.
        public var containerCreateTimeout = 240
        public var inheritDefaultRuntime = false
        /// By platform, `linux/amd64`.
        public var platformRuntimePaths: [String: String] = [:]

        public init() {}
    }

    /// `[crio.runtime.workloads.NAME]`.
    public struct Workload: Sendable, Equatable {
        public var activationAnnotation = ""
        public var annotationPrefix = ""
        public var allowedAnnotations: [String] = []
        /// `cpushares`, `cpuquota`, `cpuperiod`, `cpuset`, `cpulimit`.
        public var resources: [String: String] = [:]

        public init() {}
    }

    /// `[crio.image]`.
    public struct Image: Sendable, Equatable {
        public var pinnedImages: [String] = []
        public var globalAuthFile = ""
        public var namespacedAuthDir = ""
        public var signaturePolicy = ""
        public var signaturePolicyDir = ""
        public var insecureRegistries: [String] = []
        public var registriesConf = "/etc/containers/registries.conf"
        public var registriesConfDir = "/etc/containers/registries.conf.d"
        public var certsDirs = ["/etc/containers/certs.d", "/etc/docker/certs.d"]
        public var shortNameMode = ""
        public var defaultTransport = "docker://"
    }

    /// `[crio.stats]`.
    public struct Stats: Sendable, Equatable {
        public var includedPodMetrics = ["all"]
    }

    /// `[crio.network]`.
    public struct Network: Sendable, Equatable {
        public var cniDefaultNetwork = ""
        public var networkDir = "/etc/cni/net.d"
        public var pluginDirs = ["/opt/cni/bin", "/usr/lib/cni"]
    }
}
