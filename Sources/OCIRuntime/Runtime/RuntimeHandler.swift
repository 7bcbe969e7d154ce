import Cgroups

/// A way of running containers, as `[crio.runtime.runtimes.NAME]` describes it. Pods choose one by name.
public struct RuntimeHandler: Sendable, Equatable {
    public var name: String
    /// The OCI runtime's file: runc, crun.
    public var path: String
    /// Where the runtime keeps its state.
    public var root: String
    /// conmon's file.
    public var monitorPath: String
    /// conmon's environment, `KEY=VALUE`.
    public var monitorEnvironment: [String: String]
    /// swiftlet-pin's file, which waits for commands in containers and reads what the runtime says at a creation.
    public var helperPath = "swiftlet-pin"
    /// The directory whose entries conmon names after containers, with their exit codes.
    public var exitDirectory: String
    public var usesSystemdCgroups: Bool
    /// Bytes after which conmon starts the log anew; nil for no bound.
    public var logSizeMax: Int64?
    public var noPivot: Bool
    /// Annotations of pods that the runtime gets to see.
    public var allowedAnnotations: [String]
    /// Whether a privileged container gets only the devices that it asks for, instead of all of the host's.
    public var privilegedWithoutHostDevices: Bool
    /// Annotations of pods that do not say them.
    public var defaultAnnotations: [String: String] = [:]
    /// Bytes below which a container's memory limit is refused; zero for no such bound.
    public var leastMemory: Int64 = 0
    /// How long conmon and the runtime may take to make a container.
    public var createTimeout: Duration = .seconds(240)
    /// Where conmon runs; nil for what holds for all handlers.
    public var monitorCgroup: MonitorCgroup?

    public init(
        name: String, path: String, root: String, monitorPath: String = "conmon", monitorEnvironment: [String: String] = [:],
        exitDirectory: String, usesSystemdCgroups: Bool = false, logSizeMax: Int64? = nil, noPivot: Bool = false,
        allowedAnnotations: [String] = [], privilegedWithoutHostDevices: Bool = false
    ) {
        self.name = name
        self.path = path
        self.root = root
        self.monitorPath = monitorPath
        self.monitorEnvironment = monitorEnvironment
        self.exitDirectory = exitDirectory
        self.usesSystemdCgroups = usesSystemdCgroups
        self.logSizeMax = logSizeMax
        self.noPivot = noPivot
        // Beginnings of names: an empty one would be that of all.
        self.allowedAnnotations = allowedAnnotations.filter { !$0.isEmpty }
        self.privilegedWithoutHostDevices = privilegedWithoutHostDevices
    }

    /// Arguments that every call of the runtime begins with.
    var globalArguments: [String] {
        ["--root", root] + (usesSystemdCgroups ? ["--systemd-cgroup"] : [])
    }
}
