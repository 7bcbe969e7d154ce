import Glibc
import Linux

/// One call of a plugin, apart from its configuration.
struct PluginCall: Sendable {
    let command: String
    let network: String
    /// Nil for the commands that are about no pod: STATUS, GC, VERSION.
    let request: PodNetworkRequest?
    let netns: String

    /// CNI specification 1.1, section 2 "Parameters".
    func environment(pluginPath: String) -> [String: String] {
        var result = ["CNI_COMMAND": command, "CNI_PATH": pluginPath]
        guard let request else { return result }
        result["CNI_CONTAINERID"] = request.podID
        result["CNI_IFNAME"] = request.interface
        result["CNI_ARGS"] = request.arguments
        result["CNI_NETNS"] = netns
        return result
    }
}

/// Runs CNI plugins, CNI specification 1.1, section 2 "Execution protocol".
struct PluginRunner: Sendable {
    let directories: [String]
    let timeout: Duration
    /// The node's own environment, which plugins see besides CNI's variables.
    private let inherited = PluginRunner.ownEnvironment()

    init(directories: [String], timeout: Duration) {
        self.directories = directories
        self.timeout = timeout
    }

    /// Runs one plugin.
    /// - Parameter configuration: what it reads on standard input.
    /// - Returns: its standard output; null where it is empty.
    /// - Throws: `NetworkError`.
    func run(
        _ plugin: NetworkList.Plugin, _ call: PluginCall, configuration: [String: JSONValue]
    ) async throws(NetworkError) -> JSONValue {
        let output: CommandOutput
        do {
            output = try await execute(try find(plugin.type), call, input: try JSONValue.object(configuration).bytes)
        } catch let error as NetworkError {
            throw error
        } catch is CommandTimeout {
            throw .pluginTimeout(name: plugin.type, command: call.command, limit: timeout)
        } catch {
            throw .system("CNI plugin \(plugin.type) cannot be run: \(error)")
        }
        guard output.status.isSuccess else { throw failure(plugin.type, call, output) }
        if output.output.allSatisfy({ $0 == 32 || $0 == 10 || $0 == 13 || $0 == 9 }) { return .null }
        do { return try JSONValue(bytes: output.output) } catch {
            // Only of a command whose answer is read; plugins chat in others.
            guard call.command == "ADD" || call.command == "VERSION" else { return .null }
            let start = String(decoding: output.output.prefix(200), as: UTF8.self)
            throw .unreadableResult(name: plugin.type, reason: "it is no JSON: \(start)")
        }
    }

    private func execute(_ file: String, _ call: PluginCall, input: [UInt8]) async throws -> CommandOutput {
        let environment = inherited.merging(call.environment(pluginPath: directories.joined(separator: ":"))) { $1 }
        let program = Command(file, environment: environment)
        // A plugin that is being installed: the copy has it open for a moment.
        for _ in 0..<10 {
            do {
                return try await program.run(input: input, outputLimit: 4 << 20, timeout: timeout)
            } catch let error as SystemError where error.code == ETXTBSY {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        return try await program.run(input: input, outputLimit: 4 << 20, timeout: timeout)
    }

    /// The file of a plugin, from the first directory that has it.
    /// - Throws: `NetworkError.pluginMissing`.
    func find(_ type: String) throws(NetworkError) -> String {
        for directory in directories where access("\(directory)/\(type)", X_OK) == 0 { return "\(directory)/\(type)" }
        throw .pluginMissing(name: type, directories: directories)
    }

    /// The plugin's own error object, section 5 "Error", from standard output; else what it wrote on standard error.
    private func failure(_ name: String, _ call: PluginCall, _ output: CommandOutput) -> NetworkError {
        if let value = try? JSONValue(bytes: output.output), let message = value["msg"]?.text {
            var code = 0
            if case .integer(let number) = value["code"] { code = Int(clamping: number) }
            return .plugin(
                name: name, command: call.command, network: call.network, code: code, message: message,
                details: value["details"]?.text ?? "")
        }
        let said = output.errorText.isEmpty ? "\(output.status) without a word" : output.errorText
        return .pluginCrashed(name: name, command: call.command, message: String(said.suffix(500)))
    }

    private static func ownEnvironment() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2, !pair[0].hasPrefix("CNI_") { result[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        // Plugins call iptables and its like, which a service manager's short PATH may lack.
        let sbin = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        result["PATH"] = result["PATH"].map { "\($0):\(sbin)" } ?? sbin
        return result
    }
}
