import Glibc
import Linux
import Logging

@testable import Networking

/// A configuration directory, a cache and plugins that do as they are told and write down what they were asked.
final class FakeNetwork: Sendable {
    let directory: TemporaryDirectory
    var path: String { directory.path }
    var configurations: String { path + "/net.d" }
    var cache: String { path + "/cache" }

    private static let plugin = """
        #!/bin/sh
        here=$(dirname "$(dirname "$0")")
        mine="$here/${0##*/}.$CNI_COMMAND"
        cat > "$mine.in"
        env | grep '^CNI_' > "$mine.env"
        echo "$CNI_COMMAND ${0##*/} $CNI_CONTAINERID" >> "$here/log"
        ls "$here/cache" 2>/dev/null | grep -q "$CNI_CONTAINERID.json" && echo known > "$mine.known"
        [ -f "$mine.sleep" ] && sleep "$(cat "$mine.sleep")"
        [ -f "$mine.out" ] && cat "$mine.out"
        [ -f "$mine.error" ] && cat "$mine.error" >&2
        [ -f "$mine.code" ] && exit "$(cat "$mine.code")"
        exit 0

        """

    /// Plugins of these names, each of which gives 10.9.0.2 on ADD.
    init(plugins: [String]) throws {
        directory = try TemporaryDirectory()
        for name in ["bin", "net.d"] { try Files.makeDirectories(directory.path + "/" + name) }
        for name in plugins {
            try Files.writeAtomically(Array(Self.plugin.utf8), to: directory.path + "/bin/" + name, mode: 0o755)
            try answer(name, "ADD", #"{"cniVersion":"1.0.0","ips":[{"address":"10.9.0.2/24"}]}"#)
        }
    }

    func configure(_ file: String, _ text: String) throws {
        try Files.writeAtomically(Array(text.utf8), to: "\(configurations)/\(file)")
    }

    /// A list `net` of plugins.
    func configure(version: String = "1.0.0", plugins: [String], more: String = "") throws {
        let entries = plugins.map { #"{"type":"\#($0)","own":"\#($0)"}"# }.joined(separator: ",")
        try configure("10-net.conflist", #"{"name":"net","cniVersion":"\#(version)"\#(more),"plugins":[\#(entries)]}"#)
    }

    func answer(_ plugin: String, _ command: String, _ text: String) throws { try write("\(plugin).\(command).out", text) }

    func fail(_ plugin: String, _ command: String, _ text: String, code: Int = 1) throws {
        try answer(plugin, command, text)
        try write("\(plugin).\(command).code", "\(code)")
    }

    func succeed(_ plugin: String, _ command: String) throws { try Files.removeTree("\(path)/\(plugin).\(command).code") }

    func write(_ file: String, _ text: String) throws { try Files.writeAtomically(Array(text.utf8), to: "\(path)/\(file)") }

    /// What a plugin read the last time.
    func input(_ plugin: String, _ command: String) throws -> JSONValue {
        try JSONValue(bytes: try Files.readBytes("\(path)/\(plugin).\(command).in"))
    }

    func environment(_ plugin: String, _ command: String) throws -> [String: String] {
        let lines = try Files.readText("\(path)/\(plugin).\(command).env").split(separator: "\n")
        return Dictionary(
            lines.map { line in
                let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
            }, uniquingKeysWith: { $1 })
    }

    /// The calls so far, `COMMAND plugin`, and forgets them.
    func calls(withPod: Bool = false) throws -> [String] {
        guard Files.exists(path + "/log") else { return [] }
        let lines = try Files.readText(path + "/log").split(separator: "\n").map { line in
            withPod ? String(line) : line.split(separator: " ").prefix(2).joined(separator: " ")
        }
        try Files.removeTree(path + "/log")
        return lines
    }

    func options(default name: String? = nil) -> NetworkOptions {
        var options = NetworkOptions(
            configurationDirectory: configurations, pluginDirectories: [path + "/nowhere", path + "/bin"], cacheDirectory: cache,
            defaultNetwork: name)
        options.pluginTimeout = .seconds(20)
        return options
    }

    func networking(default name: String? = nil) async throws -> CNINetworking {
        try await CNINetworking(options: options(default: name), logger: quiet)
    }

    func cached() throws -> [String] { Files.exists(cache) ? try Files.list(cache) : [] }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func pod(_ id: String, netns: String = "/proc/self/ns/net") -> PodNetworkRequest {
    PodNetworkRequest(podID: id, name: "web", namespace: "default", uid: "u-1", netnsPath: netns)
}
