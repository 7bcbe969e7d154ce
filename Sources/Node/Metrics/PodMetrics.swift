import CRI

extension MetricGroup {
    /// The group's metrics of pods: their interfaces.
    var ofInterfaces: [Metric<NetworkCounters>] { self == .network ? Self.networkMetrics : [] }

    private static func ofInterface(
        _ name: String, _ help: String, _ value: @escaping @Sendable (NetworkCounters) -> UInt64
    ) -> Metric<NetworkCounters> {
        Metric(name: "container_network_\(name)_total", help: help, type: .counter, labels: ["interface"]) {
            [.init(labels: [$0.name], value: value($0))]
        }
    }

    private static let networkMetrics: [Metric<NetworkCounters>] = [
        ofInterface("receive_bytes", "Bytes received.", \.receivedBytes),
        ofInterface("receive_packets", "Packets received.", \.receivedPackets),
        ofInterface("receive_packets_dropped", "Packets dropped on receipt.", \.receiveDrops),
        ofInterface("receive_errors", "Errors of receiving.", \.receiveErrors),
        ofInterface("transmit_bytes", "Bytes sent.", \.sentBytes),
        ofInterface("transmit_packets", "Packets sent.", \.sentPackets),
        ofInterface("transmit_packets_dropped", "Packets dropped before they were sent.", \.sendDrops),
        ofInterface("transmit_errors", "Errors of sending.", \.sendErrors),
    ]
}
