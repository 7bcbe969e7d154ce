import FoundationEssentials
import OCIRuntime

@testable import Cgroups
@testable import DaemonConfiguration
@testable import Linux
@testable import Networking
@testable import Node

extension FuzzTarget {
    static let host: [FuzzTarget] = [
        FuzzTarget("configuration", configuration),
        FuzzTarget("cni-configuration") { input in
            let names = ["a.conflist", "a.conf", "a.json"]
            let list = try NetworkList(file: names[Int(input.first ?? 0) % names.count], bytes: Array(input.dropFirst()))
            for plugin in list.plugins { hold(!plugin.type.contains("/"), "a plugin's type is '\(plugin.type)'") }
        },
        FuzzTarget("cni-result") { input in
            let result = try PluginResult(JSONValue(bytes: input), plugin: "a plugin")
            hold(result.ips.allSatisfy { !$0.isEmpty }, "an address is empty")
        },
        FuzzTarget("cgroup-files") { input in
            let text = String(decoding: input, as: UTF8.self)
            let names = CgroupStatistics.v2Files + CgroupDetails.v2Files + CgroupStatistics.v1Files.map(\.file) + CgroupDetails.v1Files.map(\.file)
            let files = Dictionary(names.map { ($0, text) }, uniquingKeysWith: { first, _ in first })
            _ = CgroupStatistics(sumOf: [CgroupStatistics(v1: files), CgroupStatistics(v2: files)])
            _ = (CgroupDetails(v1: files), CgroupDetails(v2: files))
            _ = (OOMEvents(v1: text), OOMEvents(v2: text), Pressure(text: text))
        },
        FuzzTarget("kernel-log") { input in _ = KernelLog.Victim(record: String(decoding: input, as: UTF8.self)) },
        FuzzTarget("proc") { input in
            let text = String(decoding: input, as: UTF8.self)
            _ = ProcessStatus(text: text)
            _ = NetworkCounters.parse(text)
            for line in text.split(separator: "\n") { _ = MountEntry(line: line) }
        },
        FuzzTarget("inotify") { input in _ = InotifyEvent.parse(input) },
    ]

    /// What was read is written and read again: it is the same.
    @Sendable private static func configuration(_ input: [UInt8]) throws {
        var configuration = Configuration()
        _ = try ConfigurationFile(name: "a.conf", text: String(decoding: input, as: UTF8.self)).apply(to: &configuration)
        var again = Configuration()
        do { _ = try ConfigurationFile(name: "b.conf", text: configuration.rendered()).apply(to: &again) } catch {
            fatalError("broken: what was written cannot be read: \(error)")
        }
        hold(again.rendered() == configuration.rendered(), "what was written is read as something else")
    }
}
