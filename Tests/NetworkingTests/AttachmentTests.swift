import Linux
import Testing

@testable import Networking

@Suite struct AttachmentTests {
    @Test func aChainPassesResultsOn() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two"])
        try fake.configure(plugins: ["one", "two"])
        try fake.answer("two", "ADD", #"{"cniVersion":"1.0.0","ips":[{"address":"10.9.0.2/24"},{"address":"fd00::2/64"}]}"#)
        let network = try await fake.networking()
        let made = try await network.attach(pod("p1"))
        #expect(made == PodNetwork(ips: ["10.9.0.2", "fd00::2"], network: "net"))
        #expect(try fake.calls() == ["ADD one", "ADD two"])
        #expect(try fake.input("one", "ADD")["prevResult"] == nil)
        #expect(try fake.input("two", "ADD")["prevResult"]?["ips"]?.items?.count == 1)
        #expect(try fake.input("two", "ADD")["own"]?.text == "two")
        let environment = try fake.environment("two", "ADD")
        #expect(environment["CNI_COMMAND"] == "ADD" && environment["CNI_CONTAINERID"] == "p1" && environment["CNI_IFNAME"] == "eth0")
        #expect(environment["CNI_NETNS"] == "/proc/self/ns/net" && environment["CNI_PATH"]?.hasSuffix("/bin") == true)
        #expect(environment["CNI_ARGS"]?.contains("K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=p1") == true)
        #expect(Files.exists(fake.path + "/one.ADD.known"), "the intent is on disk before the first plugin runs")

        try await network.check(pod("p1"))
        #expect(try fake.calls() == ["CHECK one", "CHECK two"])
        #expect(try fake.input("one", "CHECK")["prevResult"]?["ips"]?.items?.count == 2)

        try await network.detach(pod("p1"))
        #expect(try fake.calls() == ["DEL two", "DEL one"])
        #expect(try fake.input("one", "DEL")["prevResult"]?["ips"]?.items?.count == 2)
        #expect(try fake.cached() == [])
        try await network.detach(pod("p1"))
        #expect(try fake.calls() == [])
        await #expect(throws: NetworkError.notAttached(podID: "p1")) { try await network.check(pod("p1")) }
    }

    @Test func beforeVersion04DeletesGetNoResultAndNothingIsChecked() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(version: "0.3.1", plugins: ["one"])
        let network = try await fake.networking()
        _ = try await network.attach(pod("p1"))
        try await network.check(pod("p1"))
        try await network.detach(pod("p1"))
        #expect(try fake.calls() == ["ADD one", "DEL one"])
        #expect(try fake.input("one", "DEL")["prevResult"] == nil)
    }

    @Test func checksCanBeDisabled() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"], more: #","disableCheck":true"#)
        let network = try await fake.networking()
        _ = try await network.attach(pod("p1"))
        try await network.check(pod("p1"))
        #expect(try fake.calls() == ["ADD one"])
    }

    @Test func aPodIsTakenDownWithTheConfigurationItWasMadeWith() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two"])
        try fake.configure(plugins: ["one"])
        _ = try await fake.networking().attach(pod("p1"))
        // The daemon is killed; meanwhile the administrator changes the network.
        try fake.configure(plugins: ["two"])
        _ = try fake.calls()
        let network = try await fake.networking()
        try await network.check(pod("p1"))
        try await network.detach(pod("p1"))
        #expect(try fake.calls() == ["CHECK one", "DEL one"])
    }

    @Test func aCrashDuringAddIsUndoneByTheRecordedIntent() async throws {
        let fake = try FakeNetwork(plugins: ["one", "two"])
        let text = #"{"name":"net","cniVersion":"1.0.0","plugins":[{"type":"one"},{"type":"two"}]}"#
        let list = try NetworkList(file: "a.conflist", bytes: Array(text.utf8))
        try await AttachmentCache(directory: fake.cache).write(Attachment(request: pod("p1"), network: list))
        let network = try await fake.networking()
        try await network.detach(pod("p1"))
        #expect(try fake.calls() == ["DEL two", "DEL one"])
        #expect(try fake.input("one", "DEL")["prevResult"] == nil)
        #expect(try fake.cached() == [])
    }

    @Test func aNamespaceThatIsGoneIsGivenAsNone() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        let network = try await fake.networking()
        for path in ["/no/such/netns", "/etc/hostname"] {
            _ = try await network.attach(pod("p1", netns: path))
            try await network.detach(pod("p1", netns: path))
            #expect(try fake.environment("one", "DEL")["CNI_NETNS"] == "")
        }
    }

    @Test func aDamagedRecordFallsBackOnThePresentConfiguration() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        let network = try await fake.networking()
        _ = try await network.attach(pod("p1"))
        try Files.writeAtomically(Array("{\"request\"".utf8), to: fake.cache + "/p1.json")
        _ = try fake.calls()
        await #expect(throws: NetworkError.self) { try await network.check(pod("p1")) }
        try await network.detach(pod("p1"))
        #expect(try fake.calls() == ["DEL one"])
        #expect(try fake.cached() == [])
    }

    @Test func callsForOnePodDoNotOverlap() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        try fake.write("one.ADD.sleep", "0.5")
        let network = try await fake.networking()
        _ = try fake.calls()
        async let added: PodNetwork = network.attach(pod("p9"))
        while try fake.cached().contains("p9.json") == false { try await Task.sleep(for: .milliseconds(5)) }
        try await network.detach(pod("p9"))
        _ = try await added
        #expect(try fake.calls(withPod: true) == ["ADD one p9", "DEL one p9"])
        #expect(try !fake.cached().contains("p9.json"))
    }

    @Test func aCallGoesToItsEndThoughItsCallerIsCancelled() async throws {
        let fake = try FakeNetwork(plugins: ["one"])
        try fake.configure(plugins: ["one"])
        try fake.write("one.ADD.sleep", "0.3")
        let network = try await fake.networking()
        let task = Task { try await network.attach(pod("p1")) }
        while try fake.cached().isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        #expect(try await task.value.ips == ["10.9.0.2"])
    }

    @Test func queuesAreForgotten() async throws {
        let queue = PodQueue()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<100 { group.addTask { try await queue.run("p\(index % 7)") { () throws(NetworkError) in } } }
            try await group.waitForAll()
        }
        #expect(queue.count == 0)
        await #expect(throws: NetworkError.system("x")) { try await queue.run("p") { () throws(NetworkError) in throw .system("x") } }
        #expect(queue.count == 0)
    }
}
