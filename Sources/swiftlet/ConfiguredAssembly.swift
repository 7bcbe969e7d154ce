import Cgroups
import DaemonConfiguration
import Images
import Linux
import Logging
import Node
import OCI
import OCIRuntime

/// Reads what the configuration says about all containers: its other files, and texts that have a form of their own.
struct ConfiguredAssembly {
    let configuration: Configuration
    let logger: Logger

    /// Blocks.
    /// - Throws: where something is wrong, naming the key.
    func add(to settings: inout NodeSettings) throws {
        let runtime = configuration.runtime
        settings.specification.timezoneFile = try TimeZoneFile.find(runtime.timezone)
        settings.specification.inheritableCapabilities = runtime.addInheritableCapabilities
        settings.specification.workloads = try runtime.workloads.sorted { $0.key < $1.key }
            .map { try workload($0.key, $0.value) }
        var sources = ConfiguredSources()
        sources.hooks = HookDirectories(runtime.hooksDir, logger: logger)
        // Read once now, so that what is wrong is told at start.
        _ = sources.hooks?.current()
        sources.mountFiles =
            runtime.defaultMountsFile.isEmpty
            ? ["/etc/containers/mounts.conf", "/usr/share/containers/mounts.conf"] : [runtime.defaultMountsFile]
        sources.mounts = DefaultMounts(lines: runtime.defaultMounts)
        sources.mountPrefix = try mountPrefix(runtime.bindMountPrefix)
        sources.initCPUs = try initCPUs(runtime.infraCtrCPUSet)
        sources.blockIO = try blockIO(runtime, settings.cgroupLayout)
        sources.rdt = try rdt(runtime.rdtConfigFile)
        settings.configured = sources
        settings.metricGroups = try metricGroups(configuration.stats.includedPodMetrics)
    }

    private func workload(_ name: String, _ workload: Configuration.Workload) throws -> Workload {
        do {
            return try Workload(
                name: name, activationAnnotation: workload.activationAnnotation, annotationPrefix: workload.annotationPrefix,
                allowedAnnotations: workload.allowedAnnotations, resources: workload.resources)
        } catch { throw AssemblyError(description: "[crio.runtime.workloads.\(name)]: \(error)") }
    }

    private func metricGroups(_ names: [String]) throws -> Set<MetricGroup> {
        if names == ["all"] { return Set(MetricGroup.allCases) }
        let known = MetricGroup.names.joined(separator: ", ")
        return Set(
            try names.map { name in
                guard MetricGroup.names.contains(name), let group = MetricGroup(rawValue: name) else {
                    throw AssemblyError(
                        description: "included_pod_metrics has '\(name)': give \"all\" alone, or some of \(known)")
                }
                return group
            })
    }

    private func mountPrefix(_ path: String) throws -> String {
        guard !path.isEmpty else { return "" }
        guard path.hasPrefix("/"), Files.isDirectory(path) else {
            throw AssemblyError(description: "bind_mount_prefix is '\(path)', which is no directory")
        }
        return path.last == "/" ? String(path.dropLast()) : path
    }

    private func initCPUs(_ list: String) throws -> CPUSet? {
        guard !list.isEmpty else { return nil }
        guard let cpus = CPUSet(list: list) else {
            throw AssemblyError(description: "infra_ctr_cpuset is '\(list)', which is no list of CPUs such as 0-3,5")
        }
        return cpus
    }

    private func blockIO(_ runtime: Configuration.Runtime, _ layout: CgroupLayout) throws -> BlockIOFile? {
        guard !runtime.blockIOConfigFile.isEmpty else { return nil }
        guard layout.offers("blkio", v2: "io") else {
            throw AssemblyError(description: "blockio_config_file is set, and this host has no cgroup controller for block I/O")
        }
        return try BlockIOFile(path: runtime.blockIOConfigFile, reload: runtime.blockIOReload)
    }

    private func rdt(_ path: String) throws -> RDTClasses? {
        guard !path.isEmpty else { return nil }
        guard RDTClasses.isSupported else {
            throw AssemblyError(
                description: "rdt_config_file is set, and this host has no RDT: mount -t resctrl resctrl /sys/fs/resctrl, or unset it")
        }
        return try RDTClasses(yaml: try Files.readText(path), source: path)
    }

    /// What a handler's table says beside its programs.
    static func add(_ handler: Configuration.Handler, to result: inout RuntimeHandler) throws {
        result.defaultAnnotations = handler.defaultAnnotations
        // crio.conf(5): fewer become 30. A month is as good as none, and cannot overflow.
        result.createTimeout = .seconds(min(max(handler.containerCreateTimeout, 30), 30 * 24 * 3600))
        guard !handler.containerMinMemory.isEmpty else { return }
        guard let least = MemoryText.bytes(handler.containerMinMemory) else {
            throw AssemblyError(
                description: "container_min_memory of \(result.name) is '\(handler.containerMinMemory)', which is no size such as 12MiB")
        }
        result.leastMemory = least
    }
}

extension Configuration.Handler {
    /// Takes the runtime of the default handler.
    mutating func inherit(_ other: Configuration.Handler?, named name: String) {
        let path = other?.runtimePath ?? ""
        runtimePath = path.isEmpty ? (try? Command.find(name)) ?? name : path
        runtimeRoot = other?.runtimeRoot ?? ""
        runtimeType = other?.runtimeType ?? ""
        platformRuntimePaths = other?.platformRuntimePaths ?? [:]
    }

    /// The runtime's file on this platform; empty to look in PATH.
    var platformPath: String {
        platformRuntimePaths["linux/\(Platform.host.architecture)"] ?? runtimePath
    }
}

/// Sizes of memory as CRI-O takes them: `12MiB`, `500k`, `1048576`; all units are powers of 1024.
enum MemoryText {
    static func bytes(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        let powers = ["": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4]
        let bare = unit.count > 1 && unit.hasSuffix("ib") ? unit.dropLast(2) : unit.count > 1 && unit.hasSuffix("b") ? unit.dropLast() : unit[...]
        guard let power = powers[String(bare)], let number = Int64(digits) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: 1 << (10 * Int64(power)))
        return overflow ? nil : product
    }
}
