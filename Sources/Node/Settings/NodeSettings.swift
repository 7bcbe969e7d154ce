import Cgroups
import OCIRuntime

/// What a node is put together from: the configuration's values after defaulting, and the host's facts.
public struct NodeSettings: Sendable {
    public var root: String
    public var runRoot: String
    public var pinnerPath: String
    public var handlers: [RuntimeHandler]
    public var defaultHandler: String
    public var cgroupLayout: CgroupLayout
    public var cgroupDriver: CgroupDriver
    /// Where containers' monitors run, unless their handler says otherwise.
    public var monitorCgroup: MonitorCgroup
    public var host: SpecHost
    public var specification: SpecSettings
    public var defaultSysctls: [String: String]
    /// The least ids of the host that a pod's user namespace may be mapped to; nil for any.
    public var minimumMappableUID: UInt32?
    public var minimumMappableGID: UInt32?
    /// The RuntimeDefault seccomp profile.
    public var seccompProfile: SeccompProfile
    /// Whether a request that names no profile gets that one.
    public var seccompUsedWhenUnset = false
    /// The contexts of containers; nil where SELinux labels are not in use.
    public var selinux: SELinuxPolicy?
    /// How AppArmor profiles are found and loaded.
    public var appArmor = AppArmorLoader()
    public var configured = ConfiguredSources()
    /// Whether containers may be checkpointed and restored.
    public var checkpoints = true
    /// Whether what happens to pods is told to those who subscribe.
    public var podEvents = false
    /// The metrics that pods have.
    public var metricGroups = Set(MetricGroup.allCases)
    /// The configuration as text, for the verbose status.
    public var rendered: String

    public var exitDirectory: String { "\(runRoot)/exits" }

    public init(
        root: String, runRoot: String, pinnerPath: String, handlers: [RuntimeHandler], defaultHandler: String,
        cgroupLayout: CgroupLayout, cgroupDriver: CgroupDriver, monitorCgroup: MonitorCgroup, host: SpecHost,
        specification: SpecSettings, defaultSysctls: [String: String] = [:], minimumMappableUID: UInt32? = nil,
        minimumMappableGID: UInt32? = nil, seccompProfile: SeccompProfile = .runtimeDefault, checkpoints: Bool = true,
        rendered: String = ""
    ) {
        self.root = root
        self.runRoot = runRoot
        self.pinnerPath = pinnerPath
        self.handlers = handlers
        self.defaultHandler = defaultHandler
        self.cgroupLayout = cgroupLayout
        self.cgroupDriver = cgroupDriver
        self.monitorCgroup = monitorCgroup
        self.host = host
        self.specification = specification
        self.defaultSysctls = defaultSysctls
        self.minimumMappableUID = minimumMappableUID
        self.minimumMappableGID = minimumMappableGID
        self.seccompProfile = seccompProfile
        self.checkpoints = checkpoints
        self.rendered = rendered
    }
}
