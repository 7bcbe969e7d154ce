/// What a stream of an exec or attach is for. Kubernetes: the remotecommand package of k8s.io/cri-streaming.
enum StreamKind: String {
    case stdin
    case stdout
    case stderr
    /// How it ended.
    case error
    /// The terminal's size.
    case resize
}
