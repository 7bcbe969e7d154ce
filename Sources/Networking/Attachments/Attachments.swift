import Linux
import Logging

/// Makes, checks and takes down pods' attachments to networks: the plugins' chains, with the record of each kept on disk.
/// Calls for one pod do not overlap: the caller sees to that.
struct Attachments: Sendable {
    let runner: PluginRunner
    let cache: AttachmentCache
    let collectionTimeout: Duration
    let logger: Logger

    /// Runs the plugins' ADD in order. What a failed one leaves is taken down again.
    func add(_ request: PodNetworkRequest, to network: NetworkList) async throws(NetworkError) -> PodNetwork {
        try request.checkArguments()
        var attachment = Attachment(request: request, network: network)
        try await cache.write(attachment)
        do throws(NetworkError) {
            let (value, result) = try await runAdds(request, network)
            attachment.result = value
            try await cache.write(attachment)
            return PodNetwork(ips: result.ips, network: network.name)
        } catch {
            do throws(NetworkError) { try await delete(attachment) } catch let undoing {
                logger.error("undoing a failed ADD failed too", metadata: ["pod": "\(request.podID)", "error": "\(undoing)"])
            }
            throw error
        }
    }

    private func runAdds(_ request: PodNetworkRequest, _ network: NetworkList) async throws(NetworkError) -> (JSONValue, PluginResult) {
        var last: (JSONValue, PluginResult)?
        for plugin in network.plugins {
            let fields = PluginConfiguration(network: network, request: request).fields(for: plugin, previous: last?.0)
            let call = PluginCall(command: "ADD", network: network.name, request: request, netns: request.netnsPath)
            let value = try await runner.run(plugin, call, configuration: fields)
            last = (value, try PluginResult(value, plugin: plugin.type))
        }
        guard let last else { throw .notReady("network \(network.name) has no plugins") }
        return last
    }

    /// Takes a pod's attachment down, with the configuration that ADD had. One without an attachment is none to take down.
    /// - Parameter fallback: the network to take it down from where the record of it cannot be read.
    func delete(_ request: PodNetworkRequest, fallback: NetworkList?) async throws(NetworkError) {
        let attachment: Attachment?
        do throws(NetworkError) { attachment = try await cache.read(request.podID) } catch {
            guard case .unreadableAttachment = error, let fallback else { throw error }
            logger.error("using the present configuration to detach", metadata: ["pod": "\(request.podID)", "error": "\(error)"])
            attachment = Attachment(request: request, network: fallback)
        }
        if let attachment { try await delete(attachment) }
    }

    /// Runs the plugins' DEL in reverse order, all of them, whichever fails; the first failure is thrown in the end, and the
    /// record is kept for another try.
    private func delete(_ attachment: Attachment) async throws(NetworkError) {
        let (network, request) = (attachment.network, attachment.request)
        // A namespace that is gone is said so by an empty path; a path to something else would only confuse plugins.
        let netns = NamespaceFile.isPinned(request.netnsPath) ? request.netnsPath : ""
        let result = network.speaks(since: "0.4.0") ? attachment.result : nil
        var failure: NetworkError?
        for plugin in network.plugins.reversed() {
            let fields = PluginConfiguration(network: network, request: request).fields(for: plugin, previous: result)
            let call = PluginCall(command: "DEL", network: network.name, request: request, netns: netns)
            do throws(NetworkError) { _ = try await runner.run(plugin, call, configuration: fields) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        try await cache.remove(request.podID)
    }

    /// Runs the plugins' CHECK.
    func check(_ podID: String) async throws(NetworkError) {
        guard let attachment = try await cache.read(podID), let result = attachment.result else {
            throw .notAttached(podID: podID)
        }
        let (network, request) = (attachment.network, attachment.request)
        guard network.speaks(since: "0.4.0"), !network.disableCheck else { return }
        for plugin in network.plugins {
            let fields = PluginConfiguration(network: network, request: request).fields(for: plugin, previous: result)
            let call = PluginCall(command: "CHECK", network: network.name, request: request, netns: request.netnsPath)
            _ = try await runner.run(plugin, call, configuration: fields)
        }
    }

    /// Has the plugins of a network look for what belongs to none of the attachments `kept`.
    func collectGarbage(_ network: NetworkList, keeping kept: [Attachment]) async throws(NetworkError) {
        let runner = PluginRunner(directories: runner.directories, timeout: min(runner.timeout, collectionTimeout))
        let valid = JSONValue.array(kept.filter { $0.network.name == network.name }.map(\.reference))
        var failure: NetworkError?
        for plugin in network.plugins {
            var fields = PluginConfiguration(network: network, request: nil).fields(for: plugin, previous: nil)
            fields["cni.dev/valid-attachments"] = valid
            let call = PluginCall(command: "GC", network: network.name, request: nil, netns: "")
            do throws(NetworkError) { _ = try await runner.run(plugin, call, configuration: fields) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// Asks the plugins of a network whether they can take pods.
    func status(of network: NetworkList) async throws(NetworkError) {
        for plugin in network.plugins { _ = try runner.find(plugin.type) }
        guard network.speaks(since: "1.1.0") else { return }
        for plugin in network.plugins {
            let fields = PluginConfiguration(network: network, request: nil).fields(for: plugin, previous: nil)
            let call = PluginCall(command: "STATUS", network: network.name, request: nil, netns: "")
            _ = try await runner.run(plugin, call, configuration: fields)
        }
    }
}
