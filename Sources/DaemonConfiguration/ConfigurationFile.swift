import TOML
import TOMLKit

/// One TOML file, taken over a configuration key by key.
struct ConfigurationFile {
    let name: String
    let text: String
    let lines: LineIndex

    init(name: String, text: String) {
        self.name = name
        self.text = text
        lines = LineIndex(text)
    }

    /// - Returns: warnings on keys that are not known or have no effect.
    /// - Throws: `ConfigurationError` naming file and line.
    func apply(to configuration: inout Configuration) throws(ConfigurationError) -> [ConfigurationWarning] {
        let root: TOMLTable
        do { root = try TOMLDocument.parse(text) } catch { throw .syntax(file: name, reason: "\(error)") }
        var warnings: [ConfigurationWarning] = []
        try walk(root, "", &configuration, &warnings)
        return warnings
    }

    private func walk(
        _ table: TOMLTable, _ path: String, _ configuration: inout Configuration, _ warnings: inout [ConfigurationWarning]
    ) throws(ConfigurationError) {
        for key in table.keys.sorted() {
            guard let value = table[key] else { continue }
            let full = path.isEmpty ? key : "\(path).\(key)"
            if let below = value.table {
                try walkTable(below, full, &configuration, &warnings)
            } else {
                try take(value.scalar, full, &configuration, &warnings)
            }
        }
    }

    private func walkTable(
        _ table: TOMLTable, _ path: String, _ configuration: inout Configuration, _ warnings: inout [ConfigurationWarning]
    ) throws(ConfigurationError) {
        if let withoutEffect = ConfigurationKey.tablesWithoutEffect.first(where: { path == $0 || path.hasPrefix($0 + ".") }) {
            return warn("[\(withoutEffect)] has no effect: this version does not do it yet", path, &warnings)
        }
        let workloads = "crio.runtime.workloads."
        if path.hasPrefix(workloads) {
            return try takeWorkload(table, path, String(path.dropFirst(workloads.count)), &configuration, &warnings)
        }
        let handlers = "crio.runtime.runtimes."
        guard path.hasPrefix(handlers) else { return try walk(table, path, &configuration, &warnings) }
        let name = String(path.dropFirst(handlers.count))
        var handler = configuration.runtime.runtimes[name] ?? Configuration.Handler()
        for key in table.keys.sorted() {
            guard let value = table[key] else { continue }
            try take(value.scalar, key, of: path, &handler, &warnings)
        }
        configuration.runtime.runtimes[name] = handler
    }

    private func take(
        _ value: TOMLScalar, _ path: String, _ configuration: inout Configuration, _ warnings: inout [ConfigurationWarning]
    ) throws(ConfigurationError) {
        guard let key = ConfigurationKey.all.first(where: { $0.path == path }) else {
            if let reason = ConfigurationKey.withoutEffect[path] {
                return warn("\(path) has no effect: \(reason)", path, &warnings)
            }
            return warn("unknown key \(path)", path, &warnings)
        }
        do { try key.read(value, &configuration) } catch {
            throw .wrongValue(file: name, line: lines[path], key: path, got: value.kind, wanted: error.wanted)
        }
    }

    private func take(
        _ value: TOMLScalar, _ key: String, of path: String, _ handler: inout Configuration.Handler,
        _ warnings: inout [ConfigurationWarning]
    ) throws(ConfigurationError) {
        func read<V: ConfigurationValue>(_ field: WritableKeyPath<Configuration.Handler, V>) throws(ConfigurationError) {
            guard let typed = V.read(value) else {
                throw .wrongValue(file: name, line: lines["\(path).\(key)"], key: "\(path).\(key)", got: value.kind, wanted: V.name)
            }
            handler[keyPath: field] = typed
        }
        switch key {
        case "runtime_path": try read(\.runtimePath)
        case "runtime_type":
            try read(\.runtimeType)
            guard ["", "oci"].contains(handler.runtimeType) else {
                throw .wrongValue(
                    file: name, line: lines["\(path).\(key)"], key: "\(path).\(key)", got: handler.runtimeType.toml, wanted: "\"oci\"")
            }
        case "runtime_root": try read(\.runtimeRoot)
        case "monitor_path": try read(\.monitorPath)
        case "monitor_cgroup": try read(\.monitorCgroup)
        case "monitor_env": try read(\.monitorEnv)
        case "privileged_without_host_devices": try read(\.privilegedWithoutHostDevices)
        case "allowed_annotations": try read(\.allowedAnnotations)
        case "default_annotations": try read(\.defaultAnnotations)
        case "container_min_memory": try read(\.containerMinMemory)
        case "container_create_timeout": try read(\.containerCreateTimeout)
        case "inherit_default_runtime": try read(\.inheritDefaultRuntime)
        case "platform_runtime_paths": try read(\.platformRuntimePaths)
        default:
            let reason = ConfigurationKey.handlerKeysWithoutEffect[key]
            warn(reason.map { "\(path).\(key) has no effect: \($0)" } ?? "unknown key \(path).\(key)", "\(path).\(key)", &warnings)
        }
    }

    func warn(_ message: String, _ path: String, _ warnings: inout [ConfigurationWarning]) {
        warnings.append(ConfigurationWarning(file: name, line: lines[path], message: message))
    }
}

extension TOMLValueConvertible {
    var scalar: TOMLScalar {
        if let text = string { return .string(text) }
        if let flag = bool { return .bool(flag) }
        if let number = int { return .integer(number) }
        if let list = array {
            let texts = list.compactMap(\.string)
            return texts.count == list.count ? .strings(texts) : .other("a list of other things than strings")
        }
        if let table {
            // Numbers stand for themselves: CRI-O has limits as both.
            let pairs = table.keys.map { ($0, table[$0]?.string ?? table[$0]?.int.map(String.init)) }
            let texts = Dictionary(pairs.compactMap { key, text in text.map { (key, $0) } }) { $1 }
            return texts.count == pairs.count ? .table(texts) : .other("a table of other things than strings")
        }
        return .other("a value of another kind")
    }
}
