import Cgroups
import Linux

/// Whether an OCI runtime that is installed, but that nobody configured, can run containers here.
public enum RuntimeProbe {
    /// Nil where it can, else why not.
    /// - Parameter path: the runtime's file.
    public static func refusal(path: String, name: String, layout: CgroupLayout) async -> String? {
        if let reason = refusal(name: name, layout: layout) { return reason }
        do {
            let result = try await Command(path, ["--version"]).run(timeout: .seconds(10))
            return result.status.isSuccess ? nil : "\(path) --version fails: \(result.errorText)"
        } catch { return "\(error)" }
    }

    /// What can be said without running it. crun refuses every container with "cgroups in hybrid mode not supported", which it says no sooner.
    public static func refusal(name: String, layout: CgroupLayout) -> String? {
        name == "crun" && layout.isHybrid
            ? "crun does not run where a cgroup v2 hierarchy (\(layout.unified)) lies beside v1 controllers" : nil
    }
}
