import FoundationEssentials

/// cgroup v2 files by annotation, as CRI-O takes them: `unified-cgroup.crio.io/CONTAINER` with `memory.high=1;pids.max=2`.
enum UnifiedAnnotation {
    /// The files that the annotations of a pod and a container ask for.
    /// - Parameter annotations: those that the runtime handler lets through.
    /// - Throws: `SpecError.invalid`.
    static func files(_ annotations: [String: String], container: String) throws(SpecError) -> [String: String] {
        let keys = ["unified-cgroup.crio.io/\(container)", "io.kubernetes.cri-o.UnifiedCgroup.\(container)"]
        guard let key = keys.first(where: { annotations[$0] != nil }), let text = annotations[key] else { return [:] }
        var files: [String: String] = [:]
        for entry in text.split(separator: ";") {
            let parts = entry.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw .invalid("the annotation \(key) has '\(entry)', which is not FILE=VALUE") }
            files[parts[0]] = decoded(parts[1])
        }
        return files
    }

    /// A value with a semicolon is given as base64; others may be. Plain numbers of four digits read as base64, too, but not as text.
    private static func decoded(_ value: String) -> String {
        guard let data = Data(base64Encoded: value), data.allSatisfy({ $0 < 128 }) else { return value }
        return String(decoding: data, as: UTF8.self)
    }
}
