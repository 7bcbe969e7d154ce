/// An annotation of a pod that changes how its containers are confined, by CRI-O's names for it: the present one,
/// `NAME.crio.io`, and the older `io.kubernetes.cri-o.NAME`.
public enum KnownAnnotation: Sendable, CaseIterable {
    /// `true` makes the container's cgroups writable, on cgroup v2.
    case cgroup2MountHierarchyRW
    /// The size of the pod's /dev/shm, a quantity of bytes.
    case shmSize
    /// The umask of the containers' first processes, octal.
    case umask
    /// `true` leaves a volume's labels alone where its top already has the right one.
    case trySkipVolumeSELinuxLabel
    /// Per container, after a slash: cgroup v2 files and their values, `FILE=VALUE;…`, a value in base64 or as it is.
    case unifiedCgroup

    /// The present name and the older one.
    var names: (current: String, older: String) {
        switch self {
        case .cgroup2MountHierarchyRW: ("cgroup2-mount-hierarchy-rw.crio.io", "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw")
        case .shmSize: ("shm-size.crio.io", "io.kubernetes.cri-o.ShmSize")
        case .umask: ("umask.crio.io", "io.kubernetes.cri-o.umask")
        case .trySkipVolumeSELinuxLabel: ("try-skip-volume-selinux-label.crio.io", "io.kubernetes.cri-o.TrySkipVolumeSELinuxLabel")
        case .unifiedCgroup: ("unified-cgroup.crio.io", "io.kubernetes.cri-o.UnifiedCgroup")
        }
    }
}

/// A pod's annotations as far as its runtime handler lets them through (`allowed_annotations`).
public struct AllowedAnnotations: Sendable, Equatable {
    private let annotations: [String: String]
    /// Beginnings of names.
    private let allowed: [String]

    public init(_ annotations: [String: String], allowed: [String]) {
        self.annotations = annotations
        self.allowed = allowed.filter { !$0.isEmpty }
    }

    /// The value, the present name before the older one; nil where it is not there or not allowed. Who allows one of the two
    /// names allows both.
    public func value(_ annotation: KnownAnnotation) -> String? {
        let names = annotation.names
        return value([names.current, names.older], of: annotation)
    }

    /// The value for one container of the pod.
    public func value(_ annotation: KnownAnnotation, container: String) -> String? {
        let names = annotation.names
        return value(["\(names.current)/\(container)", "\(names.older)/\(container)", "\(names.older).\(container)"], of: annotation)
    }

    public func isTrue(_ annotation: KnownAnnotation) -> Bool { value(annotation) == "true" }

    private func value(_ keys: [String], of annotation: KnownAnnotation) -> String? {
        let names = annotation.names
        guard allowed.contains(where: { names.current.hasPrefix($0) || names.older.hasPrefix($0) }) else { return nil }
        return keys.lazy.compactMap { annotations[$0] }.first
    }
}
