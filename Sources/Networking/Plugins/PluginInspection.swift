/// What is known of a plugin that a network needs.
public struct PluginInspection: Sendable, Equatable {
    /// Its `type` in the configuration.
    public let name: String
    /// Its file; nil where it is in none of the directories.
    public let file: String?
    /// The versions of CNI that it speaks.
    public let versions: [String]
    /// Why it cannot serve the network; nil where it can.
    public let problem: String?
}

extension PluginRunner {
    /// Asks a plugin which versions it speaks. CNI specification 1.1, section 2, "VERSION".
    func inspect(_ type: String, for network: NetworkList) async -> PluginInspection {
        do throws(NetworkError) {
            let file = try find(type)
            let plugin = NetworkList.Plugin(type: type, capabilities: [], configuration: [:])
            let call = PluginCall(command: "VERSION", network: network.name, request: nil, netns: "")
            let answer = try await run(plugin, call, configuration: ["cniVersion": .string(network.cniVersion)])
            guard let versions = answer["supportedVersions"]?.items?.compactMap(\.text), !versions.isEmpty else {
                throw .unreadableResult(name: type, reason: "it names no supportedVersions")
            }
            let speaks = versions.contains(network.cniVersion)
            let problem = "it speaks CNI \(versions.joined(separator: ", ")), network \(network.name) wants \(network.cniVersion)"
            return PluginInspection(name: type, file: file, versions: versions, problem: speaks ? nil : problem)
        } catch {
            return PluginInspection(name: type, file: try? find(type), versions: [], problem: "\(error)")
        }
    }
}
