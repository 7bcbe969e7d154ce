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

    /// CNI's conventions for dynamic plugin fields: only what the plugin says it understands, and only what there is.
    private func runtimeConfiguration(_ capabilities: Set<String>) -> [String: JSONValue] {
        guard let request else { return [:] }
        var offered: [String: JSONValue] = [:]
        if !request.portMappings.isEmpty { offered["portMappings"] = .array(request.portMappings.map(\.value)) }
        offered["bandwidth"] = bandwidth(request)
        if !request.ips.isEmpty { offered["ips"] = .strings(request.ips) }
        offered["mac"] = request.mac.map { .string($0) }
        offered["dns"] = request.resolver?.value
        if !request.cgroupPath.isEmpty { offered["cgroupPath"] = .string(request.cgroupPath) }
        // Also when there are none: so does CRI-O, and a plugin may want to tell that from a runtime that gives none.
        offered["io.kubernetes.cri.pod-annotations"] = .object(request.annotations.mapValues { .string($0) })
        return offered.filter { capabilities.contains($0.key) }
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

extension PodResolver {
    fileprivate var value: JSONValue {
        var fields: [String: JSONValue] = [:]
        for (key, list) in [("servers", servers), ("searches", searches), ("options", options)] where !list.isEmpty {
            fields[key] = .strings(list)
        }
        return .object(fields)
    }
}
