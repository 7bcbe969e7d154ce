import Glibc

/// What a plugin's ADD gave, CNI specification 1.1, section 5 "Result types"; also in the forms of 0.3.x and earlier.
struct PluginResult: Equatable {
    /// The pod's addresses without prefix lengths, in the result's order.
    let ips: [String]

    /// - Throws: `NetworkError.unreadableResult`.
    init(_ value: JSONValue, plugin: String) throws(NetworkError) {
        func bad(_ reason: String) -> NetworkError { .unreadableResult(name: plugin, reason: reason) }
        func list(_ key: String) throws(NetworkError) -> [JSONValue] {
            guard let value = value[key], value != .null else { return [] }
            guard let items = value.items else { throw bad("its \(key) is no list") }
            return items
        }
        if value == .null { throw bad("it is empty") }
        guard case .object(let fields) = value else { throw bad("it is no JSON object") }
        let interfaces = try list("interfaces")
        var found: [String] = []
        for entry in try list("ips") {
            guard let address = entry["address"]?.text else { throw bad("an entry of its ips has no address") }
            let bare = try Self.bare(address, bad)
            if try Self.isPods(entry["interface"] ?? .null, interfaces, bad) { found.append(bare) }
        }
        // Version 0.2 and before: one address of each family.
        for key in ["ip4", "ip6"] {
            if let address = fields[key]?["ip"]?.text { found.append(try Self.bare(address, bad)) }
        }
        ips = found
    }

    /// Whether an address is in the pod: one of an interface without a sandbox is the host's. Version 0.3 may name none.
    private static func isPods(
        _ index: JSONValue, _ interfaces: [JSONValue], _ bad: (String) -> NetworkError
    ) throws(NetworkError) -> Bool {
        switch index {
        case .null: return true
        case .integer(let number):
            // Without a list there is nothing to look up: 0.3.0 plugins left it out.
            if interfaces.isEmpty { return true }
            guard let position = Int(exactly: number), interfaces.indices.contains(position) else {
                throw bad("an entry of its ips is for interface \(number), which it does not list")
            }
            return interfaces[position]["sandbox"]?.text?.isEmpty == false
        default: throw bad("an entry of its ips has an interface that is no number")
        }
    }

    private static func bare(_ address: String, _ bad: (String) -> NetworkError) throws(NetworkError) -> String {
        let host = String(address.prefix { $0 != "/" })
        var space = in6_addr()
        guard inet_pton(AF_INET, host, &space) == 1 || inet_pton(AF_INET6, host, &space) == 1 else {
            throw bad("'\(address.prefix(60))' is no address")
        }
        return host
    }
}
