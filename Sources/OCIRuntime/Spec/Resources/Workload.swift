import Linux
import OCI

/// CPU limits for the containers of pods that bear an annotation: `[crio.runtime.workloads.NAME]`, crio.conf(5).
public struct Workload: Sendable, Equatable {
    public var name: String
    /// Pods that have it belong to the workload, whatever its value.
    public var activationAnnotation: String
    /// The pod's annotations `PREFIX/CONTAINER` (a JSON object) and `PREFIX.RESOURCE/CONTAINER` (a value) win over `resources`.
    public var annotationPrefix: String
    /// Beginnings of annotations that the pod's runtime gets to see, beside the handler's.
    public var allowedAnnotations: [String]
    public var resources: WorkloadResources

    /// - Throws: `SpecError.invalid` for an activation annotation without a name and for limits that cannot be.
    public init(
        name: String, activationAnnotation: String, annotationPrefix: String = "", allowedAnnotations: [String] = [],
        resources: [String: String] = [:]
    ) throws(SpecError) {
        guard !activationAnnotation.isEmpty else { throw .invalid("it has no activation_annotation") }
        self.name = name
        self.activationAnnotation = activationAnnotation
        self.annotationPrefix = annotationPrefix
        // Beginnings of names: an empty one would be that of all.
        self.allowedAnnotations = allowedAnnotations.filter { !$0.isEmpty }
        self.resources = try WorkloadResources(resources)
    }

    /// The workload that a pod belongs to: of several, the first by name.
    public static func active(in workloads: [Workload], _ annotations: [String: String]) -> Workload? {
        workloads.filter { annotations[$0.activationAnnotation] != nil }.min { $0.name < $1.name }
    }

    /// The limits of one container of a pod.
    /// - Throws: `SpecError.invalid` for annotations that cannot be.
    public func resources(of container: String, _ annotations: [String: String]) throws(SpecError) -> WorkloadResources {
        guard !annotationPrefix.isEmpty else { return resources }
        var values = resources.values
        do throws(SpecError) {
            if let json = annotations["\(annotationPrefix)/\(container)"] {
                values.merge(try WorkloadResources.values(json: json)) { $1 }
            }
            for name in WorkloadResources.names {
                if let value = annotations["\(annotationPrefix).\(name)/\(container)"] { values[name] = value }
            }
            return try WorkloadResources(values)
        } catch { throw .invalid("the annotations \(annotationPrefix) of container \(container): \(error)") }
    }
}
