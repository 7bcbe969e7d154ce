/// What a plugin's ADD gave, CNI specification 1.1, section 5 "Result types"; also in the forms of 0.3.x and earlier.
struct PluginResult: Equatable {
    /// Addresses without prefix lengths.
    let ips: [String]

    /// - Throws: `NetworkError.unreadableResult`.
    init(_ value: JSONValue, plugin: String) throws(NetworkError) {
        func bad(_ reason: String) -> NetworkError { .unreadableResult(name: plugin, reason: reason) }
        guard case .object(let fields) = value else { throw bad("it is no JSON object") }
        var found: [String] = []
        for entry in fields["ips"]?.items ?? [] {
            guard let address = entry["address"]?.text else { throw bad("an entry of ips has no address") }
            // An address of an interface on the host (no sandbox) is not the pod's.
            if case .integer(let index) = entry["interface"], let interfaces = fields["interfaces"]?.items {
                guard interfaces.indices.contains(Int(index)) else {
                    throw bad("an entry of ips names interface \(index), which is not listed")
                }
                if interfaces[Int(index)]["sandbox"]?.text ?? "" == "" { continue }
            }
            found.append(try Self.bare(address, bad))
        }
        // Version 0.2 and before: one address of each family.
        for key in ["ip4", "ip6"] {
            if let address = fields[key]?["ip"]?.text { found.append(try Self.bare(address, bad)) }
        }
        ips = found
    }

    private static func bare(_ address: String, _ bad: (String) -> NetworkError) throws(NetworkError) -> String {
        let host = address.prefix { $0 != "/" }
        guard !host.isEmpty, host.allSatisfy({ $0.isHexDigit || $0 == "." || $0 == ":" }) else {
            throw bad("'\(address.prefix(60))' is no address")
        }
        return String(host)
    }
}
