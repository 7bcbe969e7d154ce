import FoundationEssentials

/// The runtime and the cgroup manager that the daemons of the tests use, by the environment: `SWIFTLET_TEST_RUNTIME` (runc or crun) and
/// `SWIFTLET_TEST_CGROUP_MANAGER` (cgroupfs or systemd). Where nothing is said they are runc and cgroupfs, which run everywhere.
struct Combination: Sendable {
    let runtime: String
    let cgroupManager: String

    static let current = Combination(
        runtime: variable("SWIFTLET_TEST_RUNTIME") ?? "runc", cgroupManager: variable("SWIFTLET_TEST_CGROUP_MANAGER") ?? "cgroupfs")

    var usesSystemd: Bool { cgroupManager == "systemd" }
    var usesCrun: Bool { runtime == "crun" }

    /// The lines of `[crio.runtime]`.
    var configuration: String { "default_runtime = \"\(runtime)\"\ncgroup_manager = \"\(cgroupManager)\"" }

    /// The CRI's cgroup_parent above the pods of a test, in the manager's form.
    /// - Parameter name: of letters, digits and dashes. A dash in a slice's name would make it a part of another one.
    func parent(_ name: String) -> String { usesSystemd ? "\(underscored(name)).slice" : "/\(name)" }

    /// A parent below another one.
    func child(_ name: String, of parent: String) -> String {
        usesSystemd ? "\(parent.dropLast(".slice".count))-\(underscored(name)).slice" : "\(parent)/\(name)"
    }

    /// Where a parent lies below a hierarchy's mount point, systemd.slice(5).
    func path(ofParent parent: String) -> String {
        guard usesSystemd else { return parent }
        let parts = parent.dropLast(".slice".count).split(separator: "-")
        return parts.indices.map { "/\(parts[...$0].joined(separator: "-")).slice" }.joined()
    }

    private func underscored(_ name: String) -> String { name.replacing("-", with: "_") }

    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
