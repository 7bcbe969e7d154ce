import Cgroups
import DaemonConfiguration
import Foundation
import Images
import Linux
import Logging
import Networking
import Node
import OCI
import OCIRuntime
import Registry
import Store

/// Puts the parts together as the configuration says.
struct Assembly {
    let configuration: Configuration
    let logger: Logger

    func registryOptions() -> RegistryOptions {
        var options = RegistryOptions()
        options.registriesFile = configuration.image.registriesConf
        options.registriesDirectory = configuration.image.registriesConfDir
        options.insecureRegistries = configuration.image.insecureRegistries
        options.certificateDirectories = configuration.image.certsDirs
        let environment = ProcessInfo.processInfo.environment
        options.authFiles =
            configuration.image.globalAuthFile.isEmpty
            ? RegistryOptions.defaultAuthFiles(environment: environment, userID: geteuid()) : [configuration.image.globalAuthFile]
        options.proxies = ProxySettings(environment: environment)
        options.runHelper = { executable, arguments, input in
            let output = try await Command(executable, arguments, environment: environment).run(input: input, timeout: .seconds(30))
            return (output.status.code, output.output)
        }
        if !configuration.image.namespacedAuthDir.isEmpty { options.namespacedAuthDirectory = configuration.image.namespacedAuthDir }
        if !configuration.image.signaturePolicy.isEmpty { options.policyFile = configuration.image.signaturePolicy }
        if !configuration.image.signaturePolicyDir.isEmpty { options.policyDirectory = configuration.image.signaturePolicyDir }
        options.shortNameMode = ShortNameMode(rawValue: configuration.image.shortNameMode)
        return options
    }

    func imageOptions() -> ImageOptions {
        var options = ImageOptions(root: configuration.crio.root, runRoot: configuration.crio.runroot)
        options.pinnedImages = configuration.image.pinnedImages
        return options
    }

    func networkOptions() -> NetworkOptions {
        NetworkOptions(
            configurationDirectory: configuration.network.networkDir, pluginDirectories: configuration.network.pluginDirs,
            cacheDirectory: "\(configuration.crio.root)/cni",
            defaultNetwork: configuration.network.cniDefaultNetwork.isEmpty ? nil : configuration.network.cniDefaultNetwork)
    }

    /// - Throws: where a program that the node cannot do without is missing.
    func nodeSettings() async throws -> NodeSettings {
        let layout = CgroupLayout(mounts: try MountTable.read())
        let driver = cgroupDriver
        let runtime = configuration.runtime
        var host = SpecHost.probe(layout: layout)
        host.seLinux = host.seLinux && runtime.selinux
        if runtime.selinux, !host.seLinux { logger.warning("selinux is set and this host has no SELinux enabled: there are no labels") }
        try CapabilitySet.check(runtime.defaultCapabilities)
        let standard = await defaultRuntime(layout)
        var settings = NodeSettings(
            root: configuration.crio.root, runRoot: configuration.crio.runroot, pinnerPath: try pinnerPath(),
            handlers: try handlers(driver, layout, standard), defaultHandler: standard, cgroupLayout: layout, cgroupDriver: driver,
            monitorCgroup: try monitorCgroup(runtime.conmonCgroup, "conmon_cgroup", driver), host: host,
            specification: SpecSettings(
                defaultCapabilities: runtime.defaultCapabilities, defaultEnvironment: runtime.defaultEnv,
                defaultLimits: try runtime.defaultUlimits.map(ResourceLimitText.parse),
                pidsLimit: pidsLimit(driver), readOnly: runtime.readOnly,
                devices: try deviceSettings(), privilegedSeccomp: try seccompProfile(runtime.privilegedSeccompProfile),
                appArmorProfile: appArmorProfile),
            defaultSysctls: try KeyValueText.parse(runtime.defaultSysctls, key: "default_sysctls"),
            minimumMappableUID: UInt32(exactly: runtime.minimumMappableUID), minimumMappableGID: UInt32(exactly: runtime.minimumMappableGID),
            seccompProfile: try seccompProfile(runtime.seccompProfile) ?? .runtimeDefault, checkpoints: runtime.enableCRIUSupport,
            rendered: configuration.rendered())
        settings.podEvents = runtime.enablePodEvents
        settings.seccompUsedWhenUnset = runtime.seccompUseDefaultWhenEmpty
        if host.seLinux { settings.selinux = SELinuxPolicy.probe(disabledOnHostNetwork: runtime.hostnetworkDisableSelinux) }
        settings.specification.absentMountSourcesToReject = runtime.absentMountSourcesToReject
        try ConfiguredAssembly(configuration: configuration, logger: logger).add(to: &settings)
        return settings
    }

    private func seccompProfile(_ path: String) throws -> SeccompProfile? {
        path.isEmpty ? nil : try SeccompProfile(json: try Files.readBytes(path), source: path)
    }

    private var appArmorProfile: String {
        configuration.runtime.apparmorProfile.isEmpty ? AppArmorProfile.standardName : configuration.runtime.apparmorProfile
    }

    /// systemd gives every scope a bound of its own, DefaultTasksMax, unless it is told that there is none.
    private func pidsLimit(_ driver: CgroupDriver) -> Int64? {
        if configuration.runtime.pidsLimit > 0 { return Int64(configuration.runtime.pidsLimit) }
        return driver == .systemd ? -1 : nil
    }

    private func deviceSettings() throws -> DeviceSettings {
        let runtime = configuration.runtime
        let additional = try runtime.additionalDevices.filter { !$0.isEmpty }.map { text in
            do { return try DeviceMapping(text) } catch { throw AssemblyError(description: "additional_devices: \(error)") }
        }
        return DeviceSettings(
            additional: additional, allowed: runtime.allowedDevices,
            ownershipFromSecurityContext: runtime.deviceOwnershipFromSecurityContext, cdiDirectories: runtime.cdiSpecDirs)
    }

    private var cgroupDriver: CgroupDriver {
        if let chosen = CgroupDriver(rawValue: configuration.runtime.cgroupManager) { return chosen }
        // sd_booted(3): the host was started by systemd.
        return Files.isDirectory("/run/systemd/system") ? .systemd : .cgroupfs
    }

    /// A handler of which the configuration says nothing. As in CRI-O, pods may ask it for the allowed devices.
    private static var unconfigured: Configuration.Handler {
        var handler = Configuration.Handler()
        handler.allowedAnnotations = DeviceAnnotation.names
        return handler
    }

    /// Runtimes that are offered without a word in the configuration, where they are installed and can work; the first that does is the
    /// default one, as with CRI-O.
    static let installed = ["crun", "runc"]

    /// The handler of pods that name none.
    private func defaultRuntime(_ layout: CgroupLayout) async -> String {
        if !configuration.runtime.defaultRuntime.isEmpty { return configuration.runtime.defaultRuntime }
        for name in Self.installed {
            let configured = configuration.runtime.runtimes[name]?.platformPath ?? ""
            guard let path = configured.isEmpty ? try? Command.find(name) : configured else { continue }
            guard let refusal = await RuntimeProbe.refusal(path: path, name: name, layout: layout) else { return name }
            logger.notice("a runtime that is installed is not the default", metadata: ["runtime": "\(name)", "reason": "\(refusal)"])
        }
        // Its absence is said where it is looked for.
        return "runc"
    }

    private func handlers(_ driver: CgroupDriver, _ layout: CgroupLayout, _ standardName: String) throws -> [RuntimeHandler] {
        let runtime = configuration.runtime
        var configured = runtime.runtimes
        if configured[standardName] == nil { configured[standardName] = Self.unconfigured }
        // What they are is looked at when they are used: a program need not be run before the daemon serves.
        for name in Self.installed where configured[name] == nil && (try? Command.find(name)) != nil {
            if RuntimeProbe.refusal(name: name, layout: layout) == nil { configured[name] = Self.unconfigured }
        }
        let monitor = runtime.conmon.isEmpty ? try found("conmon", "install conmon or set conmon in [crio.runtime]") : runtime.conmon
        let standard = configured[standardName]
        for (name, handler) in configured where handler.inheritDefaultRuntime {
            configured[name]?.inherit(standard, named: standardName)
        }
        let helper = try pinnerPath()
        return try configured.map { name, handler in
            let path =
                handler.platformPath.isEmpty
                ? try found(name, "install \(name) or set runtime_path in [crio.runtime.runtimes.\(name)]") : handler.platformPath
            var result = RuntimeHandler(
                name: name, path: path,
                root: handler.runtimeRoot.isEmpty ? "\(configuration.crio.runroot)/runtimes/\(name)" : handler.runtimeRoot,
                monitorPath: handler.monitorPath.isEmpty ? monitor : handler.monitorPath,
                monitorEnvironment: try KeyValueText.parse(runtime.conmonEnv + handler.monitorEnv, key: "conmon_env"),
                exitDirectory: "\(configuration.crio.runroot)/exits", usesSystemdCgroups: driver == .systemd,
                logSizeMax: runtime.logSizeMax > 0 ? Int64(runtime.logSizeMax) : nil, noPivot: runtime.noPivot,
                allowedAnnotations: handler.allowedAnnotations, privilegedWithoutHostDevices: handler.privilegedWithoutHostDevices)
            result.helperPath = helper
            try ConfiguredAssembly.add(handler, to: &result)
            if !handler.monitorCgroup.isEmpty {
                result.monitorCgroup = try monitorCgroup(handler.monitorCgroup, "[crio.runtime.runtimes.\(name)] monitor_cgroup", driver)
            }
            return result
        }
    }

    private func monitorCgroup(_ text: String, _ key: String, _ driver: CgroupDriver) throws -> MonitorCgroup {
        do { return try MonitorCgroup(text, driver: driver) } catch { throw AssemblyError(description: "\(key): \(error)") }
    }

    private func pinnerPath() throws -> String {
        if !configuration.runtime.pinnsPath.isEmpty { return configuration.runtime.pinnsPath }
        if let own = realpath("/proc/self/exe", nil) {
            defer { free(own) }
            let beside = String(String(cString: own).reversed().drop { $0 != "/" }.reversed()) + "swiftlet-pin"
            if access(beside, X_OK) == 0 { return beside }
        }
        return try found("swiftlet-pin", "install it beside swiftlet or set pinns_path in [crio.runtime]")
    }

    private func found(_ program: String, _ advice: String) throws -> String {
        do { return try Command.find(program) } catch { throw AssemblyError(description: "\(program) is not found: \(advice)") }
    }
}

/// Why the daemon cannot be put together on this host.
struct AssemblyError: Error, CustomStringConvertible {
    let description: String
}

/// `KEY=VALUE` lists of the configuration.
enum KeyValueText {
    static func parse(_ list: [String], key: String) throws -> [String: String] {
        var result: [String: String] = [:]
        for entry in list {
            guard let equals = entry.firstIndex(of: "="), equals != entry.startIndex else {
                throw AssemblyError(description: "\(key) has '\(entry)', which is not KEY=VALUE")
            }
            result[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
        }
        return result
    }
}

/// `nofile=1024:2048` of default_ulimits.
enum ResourceLimitText {
    static func parse(_ text: String) throws -> Spec.ResourceLimit {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        let values = parts.count == 2 ? parts[1].split(separator: ":").map { $0 == "-1" ? UInt64.max : UInt64($0) } : []
        guard let first = values.first, let soft = first, let last = values.last, let hard = last, values.count <= 2, soft <= hard else {
            throw AssemblyError(description: "default_ulimits has '\(text)', which is not NAME=SOFT:HARD")
        }
        return .init(type: "RLIMIT_\(parts[0].uppercased())", hard: hard, soft: soft)
    }
}
