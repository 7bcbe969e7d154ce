/// Why a pod's network could not be made, checked or taken down.
public enum NetworkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no network to put pods on.
    case notReady(String)
    /// A plugin refused; the message is its own.
    case plugin(name: String, command: String, network: String, code: Int, message: String, details: String)
    /// A plugin is not installed.
    case pluginMissing(name: String, directories: [String])
    /// A plugin ended badly and did not say why in CNI's form.
    case pluginCrashed(name: String, command: String, message: String)
    case pluginTimeout(name: String, command: String, limit: Duration)
    /// A plugin's answer is not of CNI's form.
    case unreadableResult(name: String, reason: String)
    case configuration(file: String, reason: String)
    /// The record of an attachment is damaged.
    case unreadableAttachment(file: String, reason: String)
    /// A pod has no network to check.
    case notAttached(podID: String)
    /// The request cannot be passed on to plugins.
    case invalidRequest(String)
    case system(String)

    public var description: String {
        switch self {
        case .notReady(let message): "the network is not ready: \(message)"
        case .plugin(let name, let command, let network, let code, let message, let details):
            "CNI plugin \(name) failed to \(command) on network \(network): \(message)\(details.isEmpty ? "" : " (\(details))") [code \(code)]"
        case .pluginMissing(let name, let directories):
            "CNI plugin \(name) is not in \(directories.joined(separator: ", ")): install it or correct plugin_dirs"
        case .pluginCrashed(let name, let command, let message): "CNI plugin \(name) crashed in \(command): \(message)"
        case .pluginTimeout(let name, let command, let limit): "CNI plugin \(name) did not finish \(command) within \(limit) and was killed"
        case .unreadableResult(let name, let reason): "the result of CNI plugin \(name) cannot be read: \(reason)"
        case .configuration(let file, let reason): "CNI configuration \(file) cannot be used: \(reason)"
        case .unreadableAttachment(let file, let reason): "the record of a network attachment, \(file), cannot be read: \(reason)"
        case .notAttached(let podID): "pod \(podID) is not attached to a network"
        case .invalidRequest(let message): message
        case .system(let message): message
        }
    }
}
