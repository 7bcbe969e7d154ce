import CRI
import Foundation
import Glibc
import Linux
import Networking
import OCIRuntime
import Store
import Testing

@testable import Node

@Suite struct PodFilesTests {
    @Test func resolverFiles() throws {
        #expect(try PodFiles.resolverFile(.init()) == nil)
        let dns = Runtime_V1_DNSConfig.with {
            $0.servers = ["10.0.0.1", "10.0.0.2"]
            $0.searches = ["a.svc", "b"]
            $0.options = ["ndots:5"]
        }
        #expect(try PodFiles.resolverFile(dns) == "search a.svc b\nnameserver 10.0.0.1\nnameserver 10.0.0.2\noptions ndots:5\n")
        #expect(throws: NodeError.self) { try PodFiles.resolverFile(.with { $0.servers = ["1.1.1.1\nnameserver 6.6.6.6"] }) }
    }
}

@Suite struct SharedMemoryTests {
    private func size(_ text: String?, allowed: Bool = true) throws(NodeError) -> UInt64 {
        let annotations = text.map { ["shm-size.crio.io": $0] } ?? [:]
        return try PodFiles.sharedMemorySize(AllowedAnnotations(annotations, allowed: allowed ? ["shm-size.crio.io"] : []))
    }

    @Test func theAnnotationWhereItIsAllowed() throws {
        #expect(try size(nil) == 64 << 20 && size("1Gi", allowed: false) == 64 << 20)
        #expect(try size("1Gi") == 1 << 30 && size("1000") == 1000)
        for bad in ["", "0", "-1", "lots", "1,mode=777"] { #expect(throws: NodeError.self) { try size(bad) } }
    }
}

@Suite struct QuantityTests {
    @Test(arguments: [("10M", 10_000_000), ("1Mi", 1_048_576), ("1.5k", 1500), ("7", 7), ("2G", 2_000_000_000)] as [(String, UInt64)])
    func bandwidths(_ text: String, _ bits: UInt64) { #expect(Quantity.value(text) == bits) }

    @Test(arguments: ["", "M", "-1", "1X", "1e3", "0", "99999999999999999999T", "1.2.3", "١"])
    func whatIsNoBandwidth(_ text: String) { #expect(Quantity.value(text) == nil) }
}

@Suite struct StopSignalTests {
    @Test func namesAndNumbers() {
        #expect(
            StopSignal.number(text: "SIGTERM") == SIGTERM && StopSignal.number(text: "quit") == SIGQUIT && StopSignal.number(text: "9") == 9
        )
        #expect(StopSignal.number(text: "SIGRTMIN+3") == 37 && StopSignal.number(text: "RTMAX-1") == 63)
        for bad in ["", "SIG", "SIGNOPE", "0", "65", "RTMIN+31", "-1"] { #expect(StopSignal.number(text: bad) == nil) }
    }

    @Test func everyMessageIsASignalOnceAndBack() {
        for message in Runtime_V1_Signal.allCases where message != .runtimeDefault {
            guard let number = StopSignal.number(message: message) else {
                Issue.record("\(message) is no signal")
                continue
            }
            #expect(StopSignal.number(message: StopSignal.message(number: number)) == number, "\(message)")
        }
        #expect(StopSignal.number(message: .sigrtmin) == 34 && StopSignal.number(message: .sigrtmax) == 64)
        #expect(StopSignal.number(message: .sigrtminplus15) == 49 && StopSignal.number(message: .sigrtmaxminus14) == 50)
    }

    @Test func theRequestWinsOverTheImage() {
        #expect(StopSignal.number(.sigint, image: "SIGQUIT") == SIGINT)
        #expect(StopSignal.number(.runtimeDefault, image: "SIGQUIT") == SIGQUIT)
        #expect(StopSignal.number(.runtimeDefault, image: "nonsense") == SIGTERM)
    }
}

@Suite struct StatisticsTests {
    @Test func ratesComeOfTwoSamples() {
        let sampler = CPUSampler()
        #expect(sampler.rate("a", usage: 0, time: 0) == nil)
        #expect(sampler.rate("a", usage: 5, time: 10) == nil)
        #expect(sampler.rate("a", usage: 500_000_000, time: 1_000_000_000) == 500_000_000)
        #expect(sampler.rate("a", usage: 500_000_100, time: 1_000_000_100) == 500_000_000)
        // A counter that went back is another container's.
        #expect(sampler.rate("a", usage: 1, time: 2_000_000_000) == nil)
    }

    @Test("A network without a default interface is none: the kubelet reads that one unseen")
    func networkUsage() throws {
        #expect(Runtime_V1_NetworkUsage(NetworkCounters.parse("lo: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"), at: 9) == nil)
        for (names, name, others) in [(["eth0"], "eth0", []), (["net1", "lo", "eth0"], "eth0", ["net1"]), (["a", "b"], "a", ["b"])] {
            let lines = names.map { "\($0): 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n" }
            let usage = try #require(Runtime_V1_NetworkUsage(NetworkCounters.parse(lines.joined()), at: 9))
            #expect(usage.hasDefaultInterface && usage.defaultInterface.name == name && usage.timestamp == 9)
            #expect(usage.defaultInterface.hasRxBytes && usage.defaultInterface.hasTxErrors)
            #expect(usage.interfaces.map(\.name) == others)
        }
    }

    @Test func networkCounters() {
        let text = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                lo:  100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0
              eth0: 1506 17 2 4 0 0 0 0 866 11 3 5 0 0 0 0
             short: 1 2 3
            """
        #expect(
            NetworkCounters.parse(text) == [
                NetworkCounters(
                    name: "eth0", receivedBytes: 1506, receivedPackets: 17, receiveErrors: 2, receiveDrops: 4, sentBytes: 866,
                    sentPackets: 11, sendErrors: 3, sendDrops: 5)
            ])
        #expect(NetworkCounters.parse("").isEmpty)
    }
}

@Suite struct NetworkErrorTests {
    private func kind(_ error: NetworkError) -> NodeError { NodeError(error, "making pod p") }

    @Test func theCallerLearnsWhetherToTryAgain() {
        #expect(kind(.notReady("no file")) == .unavailable("making pod p: the network is not ready: no file"))
        #expect(kind(.invalidRequest("a semicolon")) == .invalidArgument("making pod p: \(NetworkError.invalidRequest("a semicolon"))"))
        let slow = NetworkError.pluginTimeout(name: "bridge", command: "ADD", limit: .seconds(2))
        #expect(kind(slow) == .deadlineExceeded("making pod p: \(slow)"))
        func refusal(_ code: Int) -> NetworkError {
            .plugin(name: "bridge", command: "ADD", network: "n", code: code, message: "no", details: "")
        }
        #expect(kind(refusal(11)) == .unavailable("making pod p: \(refusal(11))"))
        #expect(kind(refusal(7)) == .failed("making pod p: \(refusal(7))"))
    }
}

@Suite struct ConcurrencyTests {
    @Test func oneKeyOneAtATime() async {
        let lock = KeyedLock()
        let inside = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await lock.withLock("key") {
                        let now = await inside.enter()
                        #expect(now == 1)
                        await Task.yield()
                        await inside.leave()
                    }
                }
            }
        }
        #expect(await inside.total == 50)
    }

    @Test func laterCallersJoin() async throws {
        let work = JoinedWork<String, Int>()
        let runs = Counter()
        let results = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await work.result(for: "a") {
                        _ = await runs.enter()
                        try await Task.sleep(for: .milliseconds(50))
                        return 7
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results == Array(repeating: 7, count: 20))
        #expect(await runs.total < 20)
    }

    @Test func aCallerThatLeavesDoesNotStopTheWork() async throws {
        let work = JoinedWork<String, Int>()
        let runs = Counter()
        let caller = Task {
            try await work.result(for: "a") {
                try await Task.sleep(for: .milliseconds(100))
                _ = await runs.enter()
                return 1
            }
        }
        try await Task.sleep(for: .milliseconds(20))
        caller.cancel()
        await #expect(throws: CancellationError.self) { _ = try await caller.value }
        #expect(try await work.result(for: "a") { 2 } == 1)
        #expect(await runs.total == 1)
    }

    actor Counter {
        private var inside = 0
        private(set) var total = 0
        func enter() -> Int {
            inside += 1
            total += 1
            return inside
        }
        func leave() { inside -= 1 }
    }
}

@Suite struct InventoryTests {
    private func withInventory(_ body: (Inventory, Store) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "swiftlet-node-\(UUID().uuidString).db").path
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        let store = try Store(path: path)
        try await body(try await Inventory(store: store), store)
    }

    private func pod(_ id: String, name: String = "x") -> PodRecord {
        PodRecord(
            id: id, config: .with { $0.metadata.name = name }, runtimeHandler: "runc", requestedHandler: "", createdAt: 1, phase: .ready,
            namespaces: .init(), hasNetwork: false, hostname: "h", cgroupParent: "/p", ownsCgroup: true)
    }

    private func container(_ id: String) -> ContainerRecord {
        ContainerRecord(
            id: id, podID: "p", config: .with { $0.metadata.name = id }, imageID: "", imageReference: "", createdAt: 1, startedAt: 0,
            phase: .running, logPath: "", cgroupPath: "", stopSignal: 15, user: .init(), resources: .with { $0.cpuShares = 9 },
            imageVolumes: [], mounts: .init())
    }

    @Test func prefixesMustBeUnambiguous() async throws {
        try await withInventory { inventory, _ in
            try await inventory.put(pod("abc1"))
            try await inventory.put(pod("abc2"))
            #expect(try inventory.pod("abc1").id == "abc1")
            #expect(throws: NodeError.self) { try inventory.pod("abc") }
            #expect { try inventory.pod("zzz") } throws: { if case NodeError.notFound = $0 { true } else { false } }
            #expect { try inventory.pod("") } throws: { if case NodeError.invalidArgument = $0 { true } else { false } }
        }
    }

    @Test func recordsSurvive() async throws {
        try await withInventory { inventory, store in
            try await inventory.put(pod("a", name: "kept"))
            try await inventory.put(container("c"))
            try await inventory.updateContainer("c") { $0.exit = ContainerExit(code: 3, finishedAt: 9) }
            try await inventory.updatePod("gone") { $0.hostname = "never" }
            let again = try await Inventory(store: store)
            #expect(try again.pod("a").config.metadata.name == "kept")
            #expect(try again.container("c").exit?.code == 3)
            #expect(try again.container("c").resources.cpuShares == 9)
            #expect(again.pods().count == 1)
        }
    }

    @Test func whatCannotBeWrittenIsNotSo() async throws {
        try await withInventory { inventory, _ in
            try await inventory.put(pod("p"))
            try await inventory.put(container("c"))
            // A cancelled task writes nothing.
            let writing = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                let attempts: [() async throws -> Void] = [
                    { try await inventory.updatePod("p") { $0.phase = .stopped } },
                    { try await inventory.removePod("p") },
                    { try await inventory.put(self.pod("q")) },
                    { try await inventory.updateContainer("c") { $0.phase = .removing } },
                    { try await inventory.removeContainer("c") },
                    { try await inventory.put(self.container("d")) },
                ]
                var failures = 0
                for attempt in attempts { do { try await attempt() } catch { failures += 1 } }
                // That a container has ended is so all the same.
                do {
                    try await inventory.updateContainer("c", isFact: true) { $0.exit = ContainerExit(code: 3, finishedAt: 9) }
                } catch { failures += 1 }
                return failures
            }
            #expect(await writing.value == 7)
            #expect(inventory.pods().map(\.id) == ["p"] && inventory.containers().map(\.id) == ["c"])
            #expect(try inventory.pod("p").phase == .ready && inventory.container("c").phase == .running)
            #expect(try inventory.container("c").exit?.code == 3)
        }
    }

    @Test func waitersLearnOfTheEnd() async throws {
        try await withInventory { inventory, _ in
            try await inventory.put(container("c"))
            #expect(await inventory.exit(of: "c", within: .milliseconds(20)) == false)
            async let ended = inventory.exit(of: "c", within: .seconds(20))
            try await inventory.updateContainer("c") { $0.exit = ContainerExit(code: 0, finishedAt: 1) }
            #expect(await ended)
            #expect(await inventory.exit(of: "c", within: .seconds(20)))
            #expect(await inventory.exit(of: "unknown", within: .seconds(20)))
        }
    }
}
