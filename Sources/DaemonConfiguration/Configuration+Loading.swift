import Foundation

extension Configuration {
    /// Reads the file, then the drop-ins (`*.conf`) of the directory in lexical order, over the defaults. Neither has to be there.
    /// - Throws: `ConfigurationError`.
    public static func load(file: String, directory: String) throws(ConfigurationError) -> (Configuration, [ConfigurationWarning]) {
        var configuration = Configuration()
        var warnings: [ConfigurationWarning] = []
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let dropIns = entries.filter { $0.hasSuffix(".conf") }.sorted().map { "\(directory)/\($0)" }
        for path in [file] + dropIns where FileManager.default.fileExists(atPath: path) {
            let text: String
            do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
                throw .unreadable(file: path, reason: "\(error.localizedDescription)")
            }
            warnings += try ConfigurationFile(name: path, text: text).apply(to: &configuration)
        }
        return (configuration, warnings)
    }

    /// The configuration as a file with a sentence on every key. It loads back to the same configuration.
    public func rendered() -> String {
        let defaults = Configuration()
        var text = "# The configuration of swiftlet. Keys at their defaults are commented out.\n"
        var table = ""
        for key in ConfigurationKey.all {
            if key.table != table {
                table = key.table
                text += "\n[\(table)]\n"
            }
            let value = key.render(self)
            let mark = value == key.render(defaults) ? "# " : ""
            text += "\n# \(key.documentation)\n\(mark)\(key.name) = \(value)\n"
        }
        for (name, handler) in runtime.runtimes.sorted(by: { $0.key < $1.key }) { text += handler.rendered(name) }
        for (name, workload) in runtime.workloads.sorted(by: { $0.key < $1.key }) { text += workload.rendered(name) }
        return text
    }

    /// Takes over what may change while the daemon runs.
    /// - Returns: keys that changed, and keys whose change needs a restart.
    public mutating func reload(from new: Configuration) -> (changed: [String], refused: [String]) {
        var changed: [String] = []
        var refused: [String] = []
        for key in ConfigurationKey.all where key.render(self) != key.render(new) {
            if key.reloads {
                key.copy(new, &self)
                changed.append(key.path)
            } else {
                refused.append(key.path)
            }
        }
        if runtime.runtimes != new.runtime.runtimes {
            runtime.runtimes = new.runtime.runtimes
            changed.append("crio.runtime.runtimes")
        }
        if runtime.workloads != new.runtime.workloads {
            runtime.workloads = new.runtime.workloads
            changed.append("crio.runtime.workloads")
        }
        return (changed, refused)
    }
}

extension Configuration.Handler {
    fileprivate func rendered(_ name: String) -> String {
        let fields: [(String, String)] = [
            ("runtime_path", runtimePath.toml), ("runtime_type", runtimeType.toml), ("runtime_root", runtimeRoot.toml),
            ("monitor_path", monitorPath.toml),
            ("monitor_cgroup", monitorCgroup.toml), ("monitor_env", monitorEnv.toml),
            ("privileged_without_host_devices", privilegedWithoutHostDevices.toml), ("allowed_annotations", allowedAnnotations.toml),
            ("default_annotations", defaultAnnotations.toml), ("container_min_memory", containerMinMemory.toml),
            ("container_create_timeout", containerCreateTimeout.toml), ("inherit_default_runtime", inheritDefaultRuntime.toml),
            ("platform_runtime_paths", platformRuntimePaths.toml),
        ]
        return "\n[crio.runtime.runtimes.\(name)]\n" + fields.map { "\($0) = \($1)\n" }.joined()
    }
}
