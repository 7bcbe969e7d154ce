import Linux
import Testing

@testable import Networking

@Suite struct FailureTests {
    private func attachError(_ fake: FakeNetwork) async throws -> NetworkError {
        let network = try await fake.networking()
        return try #require(await #expect(throws: NetworkError.self) { _ = try await network.attach(pod("p1")) })
    }

    @Test func aFailedAddIsUndoneAndSaysThePluginsWords() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two", "three"])
        try fake.configure(plugins: ["one", "two", "three"])
        try fake.fail("two", "ADD", #"{"cniVersion":"1.0.0","code":101,"msg":"no route to heaven","details":"gate shut"}"#)
        let error = try await attachError(fake)
        let expected = NetworkError.plugin(
            name: "two", command: "ADD", network: "net", code: 101, message: "no route to heaven", details: "gate shut")
        #expect(error == expected)
        #expect(error.description.contains("no route to heaven") && error.description.contains("gate shut"))
        #expect(try fake.calls() == ["ADD one", "ADD two", "DEL three", "DEL two", "DEL one"])
        #expect(try fake.cached() == [])
    }

    @Test func aFailedUndoKeepsTheRecordForAnotherTry() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two"])
        try fake.configure(plugins: ["one", "two"])
        try fake.fail("two", "ADD", #"{"code":7,"msg":"first"}"#)
        try fake.fail("two", "DEL", #"{"code":8,"msg":"second"}"#)
        let network = try await fake.networking()
        let error = await #expect(throws: NetworkError.self) { _ = try await network.attach(pod("p1")) }
        #expect(error?.description.contains("first") == true)
        #expect(try fake.calls() == ["ADD one", "ADD two", "DEL two", "DEL one"])
        #expect(try fake.cached() == ["p1.json"])
        await #expect(throws: NetworkError.self) { try await network.detach(pod("p1")) }
        try fake.succeed("two", "DEL")
        try await network.detach(pod("p1"))
        #expect(try fake.cached() == [])
    }

    @Test(arguments: [
        ("", "empty"), ("not json", "no JSON: not json"), ("[]", "no JSON object"), (#"{"ips":[{"address":"x"}]}"#, "no address"),
    ]) func malformedResultsAreUndoneToo(output: String, reason: String) async throws {
        let fake = try FakeNetwork(plugins: ["one", "two"])
        try fake.configure(plugins: ["one", "two"])
        try fake.answer("one", "ADD", output)
        let error = try await attachError(fake)
        #expect(error.description.contains("one") && error.description.contains(reason), "\(error)")
        #expect(try fake.calls() == ["ADD one", "DEL two", "DEL one"])
        #expect(try fake.cached() == [])
    }

    @Test func aCrashSaysWhatWasOnStandardError() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        try fake.fail("one", "ADD", "", code: 2)
        try fake.write("one.ADD.error", "panic: nil map\n")
        #expect(try await attachError(fake) == .pluginCrashed(name: "one", command: "ADD", message: "panic: nil map"))
        try fake.write("one.ADD.error", "")
        #expect(try await attachError(fake).description.contains("2"))
    }

    @Test func aPluginThatTakesTooLongIsNamed() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        try fake.write("one.ADD.sleep", "60")
        var options = fake.options()
        options.pluginTimeout = .milliseconds(300)
        let network = try await CNINetworking(options: options, logger: quiet)
        await #expect(throws: NetworkError.pluginTimeout(name: "one", command: "ADD", limit: .milliseconds(300))) {
            _ = try await network.attach(pod("p1"))
        }
        #expect(try fake.calls() == ["ADD one", "DEL one"])
    }

    @Test func aMissingPluginIsNamedWithTheDirectories() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one", "absent"])
        let error = try await attachError(fake)
        #expect(error.description.contains("absent") && error.description.contains(fake.path + "/bin"))
        // The others are taken down all the same; the record stays, since one could not be asked.
        #expect(try fake.calls() == ["ADD one", "DEL one"])
        #expect(try fake.cached() == ["p1.json"])
    }

    @Test func aNameThatWouldForgeArgumentsIsRefused() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        let network = try await fake.networking()
        var hostile = pod("p1")
        hostile.namespace = "a;IgnoreUnknown=0"
        let asked = hostile
        await #expect(throws: NetworkError.self) { _ = try await network.attach(asked) }
        #expect(try fake.calls() == [] && fake.cached() == [])
    }
}
