import TOMLKit

extension ConfigurationFile {
    /// `[crio.runtime.workloads.NAME]` with its table of resources, over what an earlier file said about the workload.
    func takeWorkload(
        _ table: TOMLTable, _ path: String, _ name: String, _ configuration: inout Configuration,
        _ warnings: inout [ConfigurationWarning]
    ) throws(ConfigurationError) {
        var workload = configuration.runtime.workloads[name] ?? Configuration.Workload()
        for key in table.keys.sorted() {
            guard let value = table[key]?.scalar else { continue }
            func read<V: ConfigurationValue>(_ field: WritableKeyPath<Configuration.Workload, V>) throws(ConfigurationError) {
                guard let typed = V.read(value) else {
                    throw .wrongValue(file: self.name, line: lines["\(path).\(key)"], key: "\(path).\(key)", got: value.kind, wanted: V.name)
                }
                workload[keyPath: field] = typed
            }
            switch key {
            case "activation_annotation": try read(\.activationAnnotation)
            case "annotation_prefix": try read(\.annotationPrefix)
            case "allowed_annotations": try read(\.allowedAnnotations)
            case "resources": try read(\.resources)
            default: warn("unknown key \(path).\(key)", "\(path).\(key)", &warnings)
            }
        }
        configuration.runtime.workloads[name] = workload
    }
}

extension Configuration.Workload {
    func rendered(_ name: String) -> String {
        """

        [crio.runtime.workloads.\(name)]
        activation_annotation = \(activationAnnotation.toml)
        annotation_prefix = \(annotationPrefix.toml)
        allowed_annotations = \(allowedAnnotations.toml)
        resources = \(resources.toml)

        """
    }
}
