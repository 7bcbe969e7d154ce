/// The class of a container by the pod's annotations, as the blockio and RDT controllers have them.
public struct ClassAnnotations: Sendable {
    /// The container's own annotation.
    let container: String
    /// Before `/pod` and `/container.NAME`.
    let prefix: String

    public static let blockIO = ClassAnnotations(
        container: "io.kubernetes.cri.blockio-class", prefix: "blockio.resources.beta.kubernetes.io")
    public static let rdt = ClassAnnotations(container: "io.kubernetes.cri.rdt-class", prefix: "rdt.resources.beta.kubernetes.io")

    /// Who says it.
    public enum Origin: Sendable { case container, pod }

    /// The class's name and who says it: the container's annotation, then the pod's for this container, then for all of its
    /// containers. Nil for none.
    public func find(
        _ name: String, container annotations: [String: String], pod: [String: String]
    ) -> (name: String, origin: Origin)? {
        if let found = annotations[container] { return (found, .container) }
        return (pod["\(prefix)/container.\(name)"] ?? pod["\(prefix)/pod"]).map { ($0, .pod) }
    }
}
