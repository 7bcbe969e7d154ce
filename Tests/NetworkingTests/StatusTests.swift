import Linux
import Testing

@testable import Networking

@Suite struct StatusTests {
    /// Attaching and status follow the files; gives up after some seconds.
    private func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<500 {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    @Test func readinessFollowsTheFiles() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two"])
        let network = try await fake.networking()
        guard case .notReady(let reason, let message) = await network.status() else {
            Issue.record("ready without a network")
            return
        }
        #expect(reason == "NetworkPluginNotReady" && message.contains(fake.configurations))
        await #expect(throws: NetworkError.self) { _ = try await network.attach(pod("p1")) }

        // Without a call of status in between: the watcher alone sees it.
        try fake.configure(plugins: ["one"])
        #expect(try await eventually { (try? await network.attach(pod("p1"))) != nil })
        #expect(await network.status() == .ready)

        try fake.configure("05-first.conf", #"{"name":"first","cniVersion":"1.0.0","type":"two"}"#)
        #expect(try await eventually { try await network.attach(pod("p2")).network == "first" })

        try Files.removeTree(fake.configurations + "/05-first.conf")
        try Files.removeTree(fake.configurations + "/10-net.conflist")
        try fake.configure("20-bad.conflist", "{")
        guard case .notReady(_, let last) = await network.status() else {
            Issue.record("ready with a bad file alone")
            return
        }
        #expect(last.contains("20-bad.conflist"))
        #expect(network.configurationProblems.count == 1)
    }

    @Test func theNamedNetworkIsTheDefault() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two"])
        try fake.configure(plugins: ["one"])
        let network = try await fake.networking(default: "wanted")
        #expect(await network.status() != .ready)
        try fake.configure("50-wanted.conf", #"{"name":"wanted","cniVersion":"0.4.0","type":"two"}"#)
        #expect(await network.status() == .ready)
        #expect(try await network.attach(pod("p1")).network == "wanted")
        #expect(try fake.calls() == ["ADD two"])
    }

    @Test func aDirectoryMadeAnewIsSeenByStatus() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        let network = try await fake.networking()
        try Files.removeTree(fake.configurations)
        #expect(await network.status() != .ready)
        try Files.makeDirectories(fake.configurations)
        try fake.configure(plugins: ["one"])
        #expect(await network.status() == .ready)
    }

    @Test func pluginsAreAskedFromVersion11On() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two"])
        try fake.configure(version: "1.0.0", plugins: ["one", "two"])
        let network = try await fake.networking()
        #expect(await network.status() == .ready)
        #expect(try fake.calls() == [])
        try fake.configure(version: "1.1.0", plugins: ["one", "two"])
        #expect(await network.status() == .ready)
        #expect(try fake.calls() == ["STATUS one", "STATUS two"])
        try fake.fail("two", "STATUS", #"{"code":50,"msg":"the controller is not up"}"#)
        guard case .notReady(_, let message) = await network.status() else {
            Issue.record("ready though a plugin is not")
            return
        }
        #expect(message.contains("the controller is not up"))
    }

    @Test func aMissingPluginIsNotReady() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one", "absent"])
        guard case .notReady(_, let message) = await (try fake.networking()).status() else {
            Issue.record("ready without a plugin")
            return
        }
        #expect(message.contains("absent"))
    }

    @Test func pluginsAreInspected() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two", "three"])
        try fake.configure(plugins: ["one", "two", "three", "absent"])
        try fake.answer("one", "VERSION", #"{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}"#)
        try fake.answer("two", "VERSION", #"{"supportedVersions":["0.4.0"]}"#)
        try fake.answer("three", "VERSION", "{}")
        let all = try await fake.networking().inspectPlugins()
        #expect(all.map(\.name) == ["one", "two", "three", "absent"])
        #expect(all[0].problem == nil && all[0].versions == ["0.4.0", "1.0.0"] && all[0].file?.hasSuffix("/bin/one") == true)
        #expect(all[1].problem?.contains("wants 1.0.0") == true)
        #expect(all[2].problem?.contains("supportedVersions") == true)
        #expect(all[3].file == nil && all[3].problem?.contains("absent") == true)
    }
}
