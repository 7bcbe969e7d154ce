import ArgumentParser
import Cgroups
import DaemonConfiguration
import Glibc
import Linux
import Logging
import Node
import OCIRuntime

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say what this host can and cannot do.")

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let (configuration, warnings) = try options.load()
        for warning in warnings { print("note     \(warning)") }
        let report = await HostReport(configuration: configuration).lines()
        for line in report { print(line) }
        guard report.allSatisfy({ $0.state != .missing }) else { throw ExitCode.failure }
    }
}

/// What the host offers, a line each.
struct HostReport {
    let configuration: Configuration

    struct Line: CustomStringConvertible {
        enum State: String { case ok, note, missing }
        let state: State
        let name: String
        let detail: String

        var description: String { "\(state.rawValue.padded(8)) \(name.padded(22)) \(detail)" }
    }

    func lines() async -> [Line] {
        let layout = CgroupLayout(mounts: (try? MountTable.read()) ?? [])
        let host = SpecHost.probe(layout: layout)
        var lines = await programs(layout)
        lines.append(
            .init(
                state: .ok, name: "cgroups", detail: "\(layout.version.rawValue) \(layout.controllers.keys.sorted().joined(separator: " "))"
            ))
        lines.append(
            kernel(
                "overlay", Files.exists("/sys/module/overlay") || fileSystems.contains("overlay"), "no overlay file system: load the module"
            ))
        lines.append(
            note(
                "overlay's layers", Overlay.takesLayersOneByOne,
                "given to the kernel in one text, as before Linux 6.8: at most \(Overlay.mostLayersInAll) an image, as ever"))
        lines.append(note("seccomp", host.seccomp, "the kernel has no seccomp: profiles are left out"))
        lines.append(note("AppArmor", host.appArmor, "not enabled: profiles by name are refused"))
        lines.append(note("SELinux", host.seLinux, "not enabled: labels are left out"))
        lines.append(note("hugepage limits", !host.hugepageSizes.isEmpty, "no hugetlb controller: limits are left out"))
        lines.append(
            note("recursive read-only", host.recursiveReadOnly, "the kernel has no mount_setattr(2): mounts that ask for it are refused"))
        lines.append(note("swap accounting", host.swapAccounting, "swap limits are left out"))
        let missing = CapabilitySet.all.filter { !host.boundingSet.contains($0) }
        lines.append(
            note("capabilities", missing.isEmpty, "the daemon lacks \(missing.joined(separator: " ")): containers cannot get them"))
        let forwarding = (try? Files.readText("/proc/sys/net/ipv4/ip_forward"))?.hasPrefix("1") ?? false
        lines.append(note("ip_forward", forwarding, "pods reach only this node: sysctl -w net.ipv4.ip_forward=1"))
        lines.append(await userNamespaces())
        let checkpoints = await CheckpointSupport.probe(enabled: configuration.runtime.enableCRIUSupport)
        lines.append(note("checkpoints", checkpoints.problem == nil, checkpoints.problem ?? ""))
        lines.append(await network())
        return lines
    }

    private var fileSystems: [String] {
        ((try? Files.readText("/proc/filesystems")) ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private func programs(_ layout: CgroupLayout) async -> [Line] {
        let assembly = Assembly(configuration: configuration, logger: Logger(label: "check"))
        do {
            let settings = try await assembly.nodeSettings()
            let handlers = settings.handlers.sorted { $0.name < $1.name }
            let leftOut = await refused(handlers, layout)
            return handlers.map {
                Line(state: .ok, name: "runtime \($0.name)", detail: $0.path + ($0.name == settings.defaultHandler ? ", the default" : ""))
            } + leftOut
                + [
                    .init(state: .ok, name: "conmon", detail: settings.handlers.first?.monitorPath ?? ""),
                    .init(state: .ok, name: "swiftlet-pin", detail: settings.pinnerPath),
                    await cgroupManager(settings.cgroupDriver),
                ]
        } catch {
            return [.init(state: .missing, name: "programs", detail: "\(error)")]
        }
    }

    private func cgroupManager(_ driver: CgroupDriver) async -> Line {
        guard driver == .systemd else { return .init(state: .ok, name: "cgroup manager", detail: driver.rawValue) }
        do {
            _ = try await Systemd(limit: .seconds(5)).units(["init.scope"])
            return .init(state: .ok, name: "cgroup manager", detail: driver.rawValue)
        } catch { return .init(state: .missing, name: "cgroup manager", detail: "\(error)") }
    }

    private func userNamespaces() async -> Line {
        guard let pinner = try? await Assembly(configuration: configuration, logger: Logger(label: "check")).nodeSettings().pinnerPath else {
            return note("user namespaces", false, "not known without swiftlet-pin")
        }
        let probe = UserNamespaceProbe(
            root: existing(configuration.crio.root), runRoot: existing(configuration.crio.runroot), pinnerPath: pinner,
            name: "user-namespace-check")
        let refusal = await probe.refusal()
        return note("user namespaces", refusal == nil, "pods cannot have them: \(refusal ?? "")")
    }

    /// The directory, or that above it which is there: nothing of the daemon's is made here.
    private func existing(_ path: String) -> String {
        var path = path
        while !Files.isDirectory(path), let slash = path.lastIndex(of: "/") { path = String(path[..<slash]) }
        return path
    }

    /// Runtimes that are installed and still left out, and why.
    private func refused(_ handlers: [RuntimeHandler], _ layout: CgroupLayout) async -> [Line] {
        var lines: [Line] = []
        for name in Assembly.installed where !handlers.contains(where: { $0.name == name }) {
            guard let path = try? Command.find(name) else { continue }
            let reason = await RuntimeProbe.refusal(path: path, name: name, layout: layout)
            lines.append(.init(state: .note, name: "runtime \(name)", detail: "left out: \(reason ?? "it did not answer")"))
        }
        return lines
    }

    private func network() async -> Line {
        let directory = configuration.network.networkDir
        let files = ((try? Files.list(directory)) ?? []).filter { [".conflist", ".conf", ".json"].contains(where: $0.hasSuffix) }
        return note(
            "CNI configuration", !files.isEmpty, "none in \(directory): pods with a network of their own wait for one",
            files.joined(separator: " "))
    }

    private func kernel(_ name: String, _ present: Bool, _ advice: String) -> Line {
        .init(state: present ? .ok : .missing, name: name, detail: present ? "yes" : advice)
    }

    private func note(_ name: String, _ present: Bool, _ otherwise: String, _ detail: String = "yes") -> Line {
        .init(state: present ? .ok : .note, name: name, detail: present ? detail : otherwise)
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
