import Glibc
import Linux

/// Runs CNI plugins, CNI specification 1.1, section 2 "Execution protocol".
struct PluginRunner: Sendable {
    let directories: [String]
    let timeout: Duration

    /// Runs one plugin.
    /// - Parameter configuration: what it reads on standard input.
    /// - Returns: its standard output; null where it is empty.
    /// - Throws: `NetworkError`.
    func run(
        _ plugin: NetworkList.Plugin, _ command: String, on network: String, for request: PodNetworkRequest?, netns: String,
        configuration: [String: JSONValue]
    ) async throws(NetworkError) -> JSONValue {
        let output: CommandOutput
        do {
            let file = try find(plugin.type)
            let program = Command(file, environment: environment(command, request, netns))
            output = try await program.run(input: try JSONValue.object(configuration).bytes, outputLimit: 4 << 20, timeout: timeout)
        } catch let error as NetworkError {
            throw error
        } catch is CommandTimeout {
            throw .pluginTimeout(name: plugin.type, command: command, limit: timeout)
        } catch {
            throw .system("CNI plugin \(plugin.type) cannot be run: \(error)")
        }
        guard output.status.isSuccess else { throw failure(plugin.type, command, network, output) }
        if output.output.allSatisfy({ $0 == 32 || $0 == 10 || $0 == 13 || $0 == 9 }) { return .null }
        do { return try JSONValue(bytes: output.output) } catch {
            throw .unreadableResult(
                name: plugin.type, reason: "it is no JSON: \(String(decoding: output.output.prefix(200), as: UTF8.self))")
        }
    }

    func find(_ type: String) throws(NetworkError) -> String {
        for directory in directories where access("\(directory)/\(type)", X_OK) == 0 { return "\(directory)/\(type)" }
        throw .pluginMissing(name: type, directories: directories)
    }

    private func environment(_ command: String, _ request: PodNetworkRequest?, _ netns: String) -> [String: String] {
        var result = [
            "CNI_COMMAND": command, "CNI_PATH": directories.joined(separator: ":"),
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ]
        guard let request else { return result }
        result["CNI_CONTAINERID"] = request.podID
        result["CNI_IFNAME"] = request.interface
        result["CNI_ARGS"] = request.arguments
        result["CNI_NETNS"] = netns
        return result
    }

    /// The plugin's own error object, section 5 "Error", from standard output; else what it wrote on standard error.
    private func failure(_ name: String, _ command: String, _ network: String, _ output: CommandOutput) -> NetworkError {
        if let value = try? JSONValue(bytes: output.output), let message = value["msg"]?.text {
            var code = 0
            if case .integer(let number) = value["code"] { code = Int(clamping: number) }
            return .plugin(
                name: name, command: command, network: network, code: code, message: message, details: value["details"]?.text ?? "")
        }
        let said = output.errorText.isEmpty ? "exit status \(output.status.code) without a word" : output.errorText
        return .pluginCrashed(name: name, command: command, message: String(said.suffix(500)))
    }
}
