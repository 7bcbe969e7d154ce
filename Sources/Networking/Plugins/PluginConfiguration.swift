/// What a plugin reads: its configuration with what holds for this call. CNI specification 1.1, section 3.
struct PluginConfiguration {
    let network: NetworkList
    let request: PodNetworkRequest?

    func fields(for plugin: NetworkList.Plugin, previous: JSONValue?) -> [String: JSONValue] {
        var fields = plugin.configuration
        fields["name"] = .string(network.name)
        fields["cniVersion"] = .string(network.cniVersion)
        let arguments = runtimeConfiguration(plugin.capabilities)
        // The list of capabilities is the runtime's to read, not the plugin's.
        fields["capabilities"] = nil
        if !arguments.isEmpty { fields["runtimeConfig"] = .object(arguments) }
        if let previous, previous != .null { fields["prevResult"] = previous }
        return fields
    }

    /// CNI's conventions for dynamic plugin fields: only what the plugin says it understands.
    private func runtimeConfiguration(_ capabilities: Set<String>) -> [String: JSONValue] {
        guard let request else { return [:] }
        var result: [String: JSONValue] = [:]
        if capabilities.contains("portMappings"), !request.portMappings.isEmpty {
            result["portMappings"] = .array(request.portMappings.map(\.value))
        }
        if capabilities.contains("bandwidth"), let bandwidth = bandwidth(request) { result["bandwidth"] = bandwidth }
        if capabilities.contains("cgroupPath"), !request.cgroupPath.isEmpty { result["cgroupPath"] = .string(request.cgroupPath) }
        if capabilities.contains("io.kubernetes.cri.pod-annotations"), !request.annotations.isEmpty {
            result["io.kubernetes.cri.pod-annotations"] = .object(request.annotations.mapValues { .string($0) })
        }
        return result
    }

    private func bandwidth(_ request: PodNetworkRequest) -> JSONValue? {
        var result: [String: JSONValue] = [:]
        // A burst as large as a 32-bit number, as Kubernetes' own network plugins set it.
        if let rate = request.ingressBandwidth {
            result["ingressRate"] = .integer(Int64(clamping: rate))
            result["ingressBurst"] = .integer(Int64(Int32.max))
        }
        if let rate = request.egressBandwidth {
            result["egressRate"] = .integer(Int64(clamping: rate))
            result["egressBurst"] = .integer(Int64(Int32.max))
        }
        return result.isEmpty ? nil : .object(result)
    }
}

extension PortMapping {
    fileprivate var value: JSONValue {
        var fields: [String: JSONValue] = [
            "hostPort": .integer(Int64(hostPort)), "containerPort": .integer(Int64(containerPort)), "protocol": .string(transport),
        ]
        if !hostIP.isEmpty { fields["hostIP"] = .string(hostIP) }
        return .object(fields)
    }
}
