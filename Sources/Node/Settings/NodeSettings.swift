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
    public var monitorInPodCgroup: Bool
    public var host: SpecHost
    public var specification: SpecSettings
    public var defaultSysctls: [String: String]
    /// The RuntimeDefault seccomp profile.
    public var seccompProfile: SeccompProfile
    /// Whether containers may be checkpointed and restored.
    public var checkpoints = true
    /// The configuration as text, for the verbose status.
    public var rendered: String

    public var exitDirectory: String { "\(runRoot)/exits" }

    public init(
        root: String, runRoot: String, pinnerPath: String, handlers: [RuntimeHandler], defaultHandler: String,
        cgroupLayout: CgroupLayout, cgroupDriver: CgroupDriver, monitorInPodCgroup: Bool, host: SpecHost,
        specification: SpecSettings, defaultSysctls: [String: String] = [:],
        seccompProfile: SeccompProfile = .runtimeDefault, checkpoints: Bool = true, rendered: String = ""
    ) {
        self.root = root
        self.runRoot = runRoot
        self.pinnerPath = pinnerPath
        self.handlers = handlers
        self.defaultHandler = defaultHandler
        self.cgroupLayout = cgroupLayout
        self.cgroupDriver = cgroupDriver
        self.monitorInPodCgroup = monitorInPodCgroup
        self.host = host
        self.specification = specification
        self.defaultSysctls = defaultSysctls
        self.seccompProfile = seccompProfile
        self.checkpoints = checkpoints
        self.rendered = rendered
    }
}
