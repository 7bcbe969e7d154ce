/// What a stream of an exec or attach is for. Kubernetes: the remotecommand package of k8s.io/cri-streaming.
package enum StreamKind: String, CaseIterable, Sendable {
    case stdin
    case stdout
    case stderr
    /// How it ended.
    case error
    /// The terminal's size.
    case resize
}
