import Linux
import Testing

@testable import Networking

@Suite struct GarbageTests {
    @Test func attachmentsOfUnknownPodsAreTakenDown() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        let network = try await fake.networking()
        for id in ["a", "b", "c"] { _ = try await network.attach(pod(id)) }
        _ = try fake.calls()
        try await network.collectGarbage { $0 == "b" }
        #expect(try fake.calls(withPod: true) == ["DEL one a", "DEL one c"])
        #expect(try fake.cached() == ["b.json"])
        try await network.collectGarbage { $0 == "b" }
        #expect(try fake.calls() == [])
    }

    @Test func unfinishedRecordsAreRemovedAtStart() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        _ = try await fake.networking().attach(pod("a"))
        try Files.writeAtomically([], to: "\(fake.cache)/b.json.new")
        #expect(try fake.cached() == ["a.json", "b.json.new"])
        _ = try await fake.networking()
        #expect(try fake.cached() == ["a.json"])
    }

    @Test func pluginsAreToldWhatIsValid() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two"])
        try fake.configure(version: "1.1.0", plugins: ["one", "two"])
        let network = try await fake.networking()
        for id in ["a", "b"] { _ = try await network.attach(pod(id)) }
        _ = try fake.calls()
        try await network.collectGarbage { $0 == "b" }
        #expect(try fake.calls() == ["DEL two", "DEL one", "GC one", "GC two"])
        let valid = try fake.input("two", "GC")["cni.dev/valid-attachments"]
        #expect(valid == .array([.object(["containerID": .string("b"), "ifname": .string("eth0")])]))
        #expect(try fake.environment("two", "GC")["CNI_CONTAINERID"] == nil)
    }

    @Test func collectionCanBeDisabled() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(version: "1.1.0", plugins: ["one"], more: #","disableGC":true"#)
        try await fake.networking().collectGarbage { _ in false }
        #expect(try fake.calls() == [])
    }

    @Test func aFailureDoesNotKeepTheOthers() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two"])
        try fake.configure(plugins: ["one"])
        let network = try await fake.networking()
        _ = try await network.attach(pod("a"))
        try fake.configure(plugins: ["two"])
        _ = await network.status()
        _ = try await network.attach(pod("b"))
        try fake.fail("one", "DEL", #"{"code":3,"msg":"stuck"}"#)
        let error = await #expect(throws: NetworkError.self) { try await network.collectGarbage { _ in false } }
        #expect(error?.description.contains("stuck") == true)
        #expect(try fake.cached() == ["a.json"])
    }

    @Test func aLivingPodWhoseRecordIsDamagedIsNotCollected() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(version: "1.1.0", plugins: ["one"])
        let network = try await fake.networking()
        _ = try await network.attach(pod("a"))
        try Files.writeAtomically([], to: fake.cache + "/a.json")
        _ = try fake.calls()
        await #expect(throws: NetworkError.self) { try await network.collectGarbage { $0 == "a" } }
        #expect(try fake.calls() == [])
        try await network.collectGarbage { _ in false }
        #expect(try fake.calls() == ["DEL one", "GC one"])
    }
}
