import CRI

/// The groups of metrics that `included_pod_metrics` chooses from, crio.conf(5).
public enum MetricGroup: String, CaseIterable, Sendable {
    /// Whether a container is there; this one is always on.
    case presence
    case cpu, memory, network, oom, process, spec, disk, diskIO, pressure
    /// Huge pages: taken for a name, and there is no metric in it yet.
    case hugetlb

    /// What the configuration may say besides "all".
    public static let names = allCases.filter { $0 != .presence }.map(\.rawValue)
}

/// One metric: its description, and how its values come of the figures. The names are cAdvisor's, which dashboards know.
struct Metric<Figures: Sendable>: Sendable {
    /// A value, with those of the metric's own labels.
    struct Value: Sendable {
        var labels: [String] = []
        let value: UInt64
    }

    let name: String
    let help: String
    let type: Runtime_V1_MetricType
    /// The names of labels beside ``MetricSubject/labelNames``.
    let labels: [String]
    let values: @Sendable (Figures) -> [Value]

    static func counter(_ name: String, _ help: String, _ value: @escaping @Sendable (Figures) -> UInt64?) -> Self {
        Self(name: name, help: help, type: .counter, labels: []) { value($0).map { [Value(value: $0)] } ?? [] }
    }

    static func gauge(_ name: String, _ help: String, _ value: @escaping @Sendable (Figures) -> UInt64?) -> Self {
        Self(name: name, help: help, type: .gauge, labels: []) { value($0).map { [Value(value: $0)] } ?? [] }
    }

    init(
        name: String, help: String, type: Runtime_V1_MetricType, labels: [String], values: @escaping @Sendable (Figures) -> [Value]
    ) {
        (self.name, self.help, self.type, self.labels, self.values) = (name, help, type, labels, values)
    }

    var descriptor: Runtime_V1_MetricDescriptor {
        .with {
            $0.name = name
            $0.help = help
            $0.labelKeys = MetricSubject.labelNames + labels
        }
    }

    /// - Parameter time: nanoseconds since the epoch.
    func messages(_ figures: Figures, of subject: MetricSubject, at time: Int64) -> [Runtime_V1_Metric] {
        values(figures).map { value in
            .with {
                $0.name = name
                $0.timestamp = time
                $0.metricType = type
                $0.labelValues = subject.labelValues + value.labels
                $0.value.value = value.value
            }
        }
    }
}

/// Whose metrics they are.
struct MetricSubject: Sendable {
    static let labelNames = ["id", "image", "namespace", "pod", "container"]
    /// In the names' order.
    let labelValues: [String]

    init(labelValues: [String]) { self.labelValues = labelValues }

    /// cAdvisor's name for what belongs to the pod as a whole is POD.
    init(_ pod: PodRecord) { labelValues = [pod.id, "", pod.config.metadata.namespace, pod.config.metadata.name, "POD"] }

    init(_ container: ContainerRecord, in pod: PodRecord) {
        labelValues = [
            container.id, container.config.image.image, pod.config.metadata.namespace, pod.config.metadata.name,
            container.config.metadata.name,
        ]
    }
}
