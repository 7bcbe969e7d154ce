import Foundation
import Linux
import Logging
import Testing

@testable import Networking

/// Plugins that are shell scripts: they write down how they were called and do as the test says.
private struct FakePlugins {
    let root: String

    init() throws {
        root = FileManager.default.temporaryDirectory.appending(path: "swiftlet-cni-\(UUID().uuidString)").path
        for directory in ["bin", "conf", "cache"] { try Files.makeDirectories("\(root)/\(directory)") }
    }

    func plugin(_ name: String, _ body: String) throws {
        let script =
            "#!/bin/sh\necho \"\(name) $CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME\" >> \(root)/log\ncat > \(root)/\(name).$CNI_COMMAND.json\n\(body)\n"
        try Files.writeAtomically(Array(script.utf8), to: "\(root)/bin/\(name)", mode: 0o755)
    }

    func network(_ plugins: String, version: String = "1.0.0") throws {
        let text = #"{"cniVersion":"\#(version)","name":"n","plugins":[\#(plugins)]}"#
        try Files.writeAtomically(Array(text.utf8), to: "\(root)/conf/10-n.conflist", mode: 0o644)
    }

    func networking() async throws -> CNINetworking {
        try await CNINetworking(
            options: NetworkOptions(
                configurationDirectory: "\(root)/conf", pluginDirectories: ["\(root)/bin"], cacheDirectory: "\(root)/cache"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    var calls: [String] { ((try? Files.readText("\(root)/log")) ?? "").split(separator: "\n").map(String.init) }
    func input(_ name: String) throws -> String { try Files.readText("\(root)/\(name).json") }
    func remove() { try? Files.removeTree(root) }
}

@Suite struct AttachmentTests {
    private let request = PodNetworkRequest(podID: "pod", name: "x", namespace: "y", uid: "u", netnsPath: "/nowhere")

    @Test func pluginsAreChainedAndUndoneInReverse() async throws {
        let fake = try FakePlugins()
        defer { fake.remove() }
        try fake.plugin("one", #"[ $CNI_COMMAND = ADD ] && echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.3/24"}]}'; exit 0"#)
        try fake.plugin(
            "two",
            "[ $CNI_COMMAND = ADD ] && grep -o '{\"cniVersion\":\"1.0.0\",\"ips\".*]}' \(fake.root)/one.out || echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.2.3/24\"}]}'; exit 0"
        )
        try fake.network(#"{"type":"one"},{"type":"two"}"#)
        let networking = try await fake.networking()
        #expect(try await networking.attach(request) == PodNetwork(ips: ["10.1.2.3"], network: "n"))
        #expect(try fake.input("two.ADD").contains("prevResult"))
        try await networking.detach(request)
        #expect(fake.calls == ["one ADD pod eth0", "two ADD pod eth0", "two DEL pod eth0", "one DEL pod eth0"])
        #expect(try fake.input("one.DEL").contains("prevResult"))
        try await networking.detach(request)
        #expect(fake.calls.count == 4)
    }

    @Test func aFailedAddIsUndoneAndToldInThePluginsWords() async throws {
        let fake = try FakePlugins()
        defer { fake.remove() }
        try fake.plugin("one", "[ $CNI_COMMAND = ADD ] && echo '{}'; exit 0")
        try fake.plugin(
            "two", #"[ $CNI_COMMAND = ADD ] || exit 0; echo '{"cniVersion":"1.0.0","code":11,"msg":"no room","details":"at all"}'; exit 1"#)
        try fake.network(#"{"type":"one"},{"type":"two"}"#)
        let networking = try await fake.networking()
        await #expect(
            throws: NetworkError.plugin(name: "two", command: "ADD", network: "n", code: 11, message: "no room", details: "at all")
        ) {
            _ = try await networking.attach(request)
        }
        #expect(fake.calls.suffix(2) == ["two DEL pod eth0", "one DEL pod eth0"])
        #expect(try Files.list("\(fake.root)/cache").isEmpty)
    }

    @Test func whatACrashLeftIsCollected() async throws {
        let fake = try FakePlugins()
        defer { fake.remove() }
        try fake.plugin("one", "[ $CNI_COMMAND = ADD ] && echo '{}'; exit 0")
        try fake.network(#"{"type":"one"}"#)
        // The daemon that attached is gone, and so is the configuration: DEL goes by what was kept.
        _ = try await fake.networking().attach(request)
        try Files.removeTree("\(fake.root)/conf/10-n.conflist")
        let after = try await fake.networking()
        try await after.collectGarbage(keeping: ["pod"])
        #expect(fake.calls == ["one ADD pod eth0"])
        try await after.collectGarbage(keeping: [])
        #expect(fake.calls.last == "one DEL pod eth0")
    }

    @Test func statusFollowsTheFiles() async throws {
        let fake = try FakePlugins()
        defer { fake.remove() }
        let networking = try await fake.networking()
        guard case .notReady(_, let message) = await networking.status() else { throw NetworkError.system("ready without a network") }
        #expect(message.contains("no CNI configuration file"))
        try fake.network(#"{"type":"missing"}"#)
        try await eventually {
            if case .notReady(_, let text) = await networking.status() { text.contains("missing is not in") } else { false }
        }
        try fake.plugin("missing", "exit 0")
        try await eventually { await networking.status() == .ready }
    }

    @Test func badPluginsAreNamed() async throws {
        let fake = try FakePlugins()
        defer { fake.remove() }
        try fake.plugin("one", "[ $CNI_COMMAND = ADD ] || exit 0; echo '<html>'; exit 0")
        try fake.network(#"{"type":"one"}"#)
        let networking = try await fake.networking()
        await #expect { _ = try await networking.attach(request) } throws: {
            "\($0)".contains("the result of CNI plugin one cannot be read")
        }
        try fake.plugin("one", "[ $CNI_COMMAND = ADD ] || exit 0; echo boom >&2; exit 3")
        await #expect(throws: NetworkError.pluginCrashed(name: "one", command: "ADD", message: "boom")) {
            _ = try await networking.attach(request)
        }
    }

    private func eventually(_ condition: () async -> Bool) async throws {
        for _ in 0..<200 {
            if await condition() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("it did not come about within 4 s")
    }
}
