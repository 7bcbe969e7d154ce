import CRI
import OCI

/// What the configuration's own files, and the pod's handler, say about one container.
public struct ConfiguredParts: Sendable {
    public var hooks: HookSet
    /// Mounts of default_mounts_file. The request's own at the same place win.
    public var mounts: [Spec.Mount]
    /// Bytes below which the handler refuses a memory limit (`container_min_memory`); zero for no such bound.
    public var leastMemory: Int64
    /// The weights and throttles of the container's blockio class.
    public var blockIO: Spec.BlockIO?
    /// The container's RDT class.
    public var closID: String?

    public init(
        hooks: HookSet = HookSet(), mounts: [Spec.Mount] = [], leastMemory: Int64 = 0, blockIO: Spec.BlockIO? = nil,
        closID: String? = nil
    ) {
        self.hooks = hooks
        self.mounts = mounts
        self.leastMemory = leastMemory
        self.blockIO = blockIO
        self.closID = closID
    }
}

extension SpecBuilder {
    /// Puts in what the configuration says about all containers.
    /// - Throws: `SpecError`.
    func configure(_ spec: inout Spec, _ request: SpecRequest) throws(SpecError) {
        try checkMemory(request)
        var resources = spec.linux?.resources ?? .init()
        try applyWorkload(&resources, request)
        if let blockIO = request.configured.blockIO {
            guard blockIO.usesWeights == false || host.blockIOWeights else {
                throw .unsupported("the container's blockio class has weights, and no I/O scheduler of this host has them (BFQ does)")
            }
            resources.blockIO = blockIO
        }
        spec.linux?.resources = resources
        if let closID = request.configured.closID { spec.linux?.intelRdt = .init(closID: closID) }
        spec.hooks = request.configured.hooks.hooks(
            for: HookedContainer(
                annotations: request.config.annotations.merging(request.sandbox.annotations) { $1 },
                program: spec.process?.args?.first ?? "", hasMounts: !request.config.mounts.isEmpty))
    }

    private func checkMemory(_ request: SpecRequest) throws(SpecError) {
        let limit = request.config.linux.resources.memoryLimitInBytes
        let least = request.configured.leastMemory
        guard limit <= 0 || limit >= least else {
            throw .invalid("the memory limit of \(limit) bytes is below the \(least) that container_min_memory asks for")
        }
    }

    private func applyWorkload(_ resources: inout Spec.Resources, _ request: SpecRequest) throws(SpecError) {
        let annotations = request.sandbox.annotations
        guard let workload = Workload.active(in: settings.workloads, annotations) else { return }
        var cpu = resources.cpu ?? .init()
        try workload.resources(of: request.config.metadata.name, annotations).apply(to: &cpu)
        resources.cpu = cpu == .init() ? nil : cpu
    }

    /// The mounts that the configuration adds: the time zone's file and the default mounts.
    func configuredMounts(_ request: SpecRequest) -> [Spec.Mount] {
        let zone = settings.timezoneFile.map {
            Spec.Mount(destination: "/etc/localtime", type: "bind", source: $0, options: ["bind", "nodev", "nosuid", "noexec", "ro"])
        }
        return (zone.map { [$0] } ?? []) + request.configured.mounts
    }
}

extension Spec.BlockIO {
    fileprivate var usesWeights: Bool { weight != nil || weightDevice?.isEmpty == false }
}
