import Linux
import OCI
import Registry
import Synchronization
import Testing

@testable import Images

/// A gate that the test opens.
final class Gate: Sendable {
    private let opened = AsyncStream<Void>.makeStream()
    private let reached = Mutex(0)

    /// Waits for the gate, or for cancellation.
    func pass() async throws {
        reached.withLock { $0 += 1 }
        for await _ in opened.stream {}
        try Task.checkCancellation()
    }

    func open() { opened.continuation.finish() }
    var arrivals: Int { reached.withLock { $0 } }

    func waitForArrivals(_ count: Int) async throws {
        while arrivals < count { try await Task.sleep(for: .milliseconds(2)) }
    }
}

@Suite struct JoiningTests {
    let host: Host

    init() throws { host = try Host() }

    /// Lets nothing of `layer` through until the gate is open.
    private func hold(_ layer: FakeLayer) -> Gate {
        let gate = Gate()
        let name = layer.descriptor.digest
        host.registry.content.withLock {
            $0.beforeChunk = { blob, offset in if blob == name, offset == 0 { try await gate.pass() } }
        }
        return gate
    }

    @Test func theSameImageIsPulledOnce() async throws {
        let layer = FakeLayer { $0.file("a", "x") }
        try host.registry.push([layer], tag: "1")
        let gate = hold(layer)
        let service = try await host.start()
        async let pulls = withThrowingTaskGroup(of: PulledImage.self) { group in
            for _ in 0..<10 { group.addTask { try await service.pull("fake.test/app:1") } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1.id) }
        }
        try await gate.waitForArrivals(1)
        gate.open()
        #expect(try await pulls.count == 1)
        #expect(host.registry.reads(layer.descriptor.digest) == 1)
        #expect(service.content.catalog.pins.isEmpty)
    }

    @Test func aLayerThatTwoImagesWantIsFetchedOnce() async throws {
        let base = FakeLayer { $0.file("base", "x") }
        let (one, two) = (FakeLayer { $0.file("one") }, FakeLayer { $0.file("two") })
        try host.registry.push([base, one], tag: "1")
        try host.registry.push([base, two], tag: "2")
        let gate = hold(base)
        let service = try await host.start()
        async let first = service.pull("fake.test/app:1")
        async let second = service.pull("fake.test/app:2")
        try await gate.waitForArrivals(1)
        try await Task.sleep(for: .milliseconds(50))
        gate.open()
        #expect(try await first.id != (try await second.id))
        #expect(host.registry.reads(base.descriptor.digest) == 1)
    }

    /// One of two callers leaves: the other gets the image.
    @Test func callersMayLeave() async throws {
        let layer = FakeLayer { $0.file("a", "x") }
        try host.registry.push([layer], tag: "1")
        let gate = hold(layer)
        let service = try await host.start()
        let staying = Task { try await service.pull("fake.test/app:1") }
        try await gate.waitForArrivals(1)
        let leaving = Task { try await service.pull("fake.test/app:1") }
        leaving.cancel()
        guard case .cancelled = await imageError({ _ = try await leaving.value }) else { return #expect(Bool(false)) }
        gate.open()
        _ = try await staying.value
        #expect(host.registry.reads(layer.descriptor.digest) == 1)
    }

    @Test func aPullThatAllLeftEnds() async throws {
        let (first, layer) = (FakeLayer { $0.file("first") }, FakeLayer { $0.file("a", "x") })
        try host.registry.push([first, layer], tag: "1")
        let gate = hold(layer)
        let service = try await host.start { $0.keepAbandonedPulls = .zero }
        let leaving = Task { try await service.pull("fake.test/app:1") }
        try await gate.waitForArrivals(1)
        while service.content.catalog.layers.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        leaving.cancel()
        guard case .cancelled = await imageError({ _ = try await leaving.value }) else { return #expect(Bool(false)) }
        host.registry.content.withLock { $0.beforeChunk = nil }
        _ = try await service.pull("fake.test/app:1")
        // What was finished was kept for the retry.
        #expect(host.registry.reads(first.descriptor.digest) == 1)
        #expect(try host.names("temporary").isEmpty)
        #expect(service.content.catalog.pins.isEmpty)
    }

    /// The kubelet is gone and comes again: it finds the pull where it is by now.
    @Test func aPullThatAllLeftWaitsForTheNextCaller() async throws {
        let layer = FakeLayer { $0.file("a", "x") }
        try host.registry.push([layer], tag: "1")
        let gate = hold(layer)
        let service = try await host.start()
        let leaving = Task { try await service.pull("fake.test/app:1") }
        try await gate.waitForArrivals(1)
        leaving.cancel()
        guard case .cancelled = await imageError({ _ = try await leaving.value }) else { return #expect(Bool(false)) }
        let coming = Task { try await service.pull("fake.test/app:1") }
        gate.open()
        _ = try await coming.value
        #expect(host.registry.reads(layer.descriptor.digest) == 1)
    }

    @Test func aPullThatNobodyComesForEnds() async throws {
        let layer = FakeLayer { $0.file("a", "x") }
        try host.registry.push([layer], tag: "1")
        let gate = hold(layer)
        let service = try await host.start { $0.keepAbandonedPulls = .milliseconds(20) }
        let leaving = Task { try await service.pull("fake.test/app:1") }
        try await gate.waitForArrivals(1)
        leaving.cancel()
        _ = await imageError { _ = try await leaving.value }
        // The gate stays shut: nothing but its cancellation ends the download.
        while !service.content.catalog.pins.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        #expect(service.content.catalog.images.isEmpty)
    }

    /// The pull that fetches a layer fails for a reason of its own; one that joined it tries by itself.
    @Test func anothersFailureIsNotOnesOwn() async throws {
        let layer = FakeLayer { $0.file("a", "x") }
        try host.registry.push([layer], tag: "1")
        let gate = Gate()
        let failures = Mutex(0)
        host.registry.content.withLock {
            $0.beforeChunk = { blob, offset in
                guard blob == layer.descriptor.digest, offset == 0 else { return }
                guard
                    failures.withLock({ failures in
                        failures += 1
                        return failures
                    }) == 1
                else { return }
                try await gate.pass()
                throw RegistryError.unauthorized("x", registry: "fake", detail: "")
            }
        }
        let service = try await host.start()
        let first = Task { try await service.pull("fake.test/app:1") }
        try await gate.waitForArrivals(1)
        let second = Task { try await service.pull("other.test/app:1") }
        try await Task.sleep(for: .milliseconds(50))
        gate.open()
        guard case .registry(.unauthorized) = await imageError({ _ = try await first.value }) else { return #expect(Bool(false)) }
        #expect(try await second.value.reference.hasPrefix("other.test/app@"))
    }

    @Test func unusedLayersOfAFailedPullGo() async throws {
        let (good, bad) = (FakeLayer { $0.file("good") }, FakeLayer { $0.file("../bad") })
        try host.registry.push([good, bad], tag: "1")
        let service = try await host.start { $0.keepUnusedLayers = .milliseconds(30) }
        _ = await imageError { _ = try await service.pull("fake.test/app:1") }
        for _ in 0..<500 where !(try host.names("layers").isEmpty) { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try host.names("layers").isEmpty)
    }

    /// Pulls and removals of images that share layers, all at once: what is listed in the end is whole.
    @Test func pullsAndRemovalsMix() async throws {
        let layers = (0..<6).map { index in FakeLayer { $0.file("file\(index)", String(repeating: "x", count: 3000)) } }
        for tag in 0..<6 { try host.registry.push([layers[tag], layers[(tag + 1) % 6], layers[(tag + 2) % 6]], tag: "\(tag)") }
        let service = try await host.start { $0.parallelLayers = 2 }
        await withTaskGroup(of: Void.self) { group in
            for round in 0..<60 {
                group.addTask {
                    let name = "fake.test/app:\(round % 6)"
                    do {
                        if round % 5 < 3 { _ = try await service.pull(name) } else { try await service.remove(name) }
                    } catch { Issue.record(error) }
                }
            }
        }
        let catalog = service.content.catalog
        #expect(catalog.pins.isEmpty)
        #expect(Set(try host.names("layers")) == Set(catalog.layers.keys.map(\.hex)))
        for image in try await service.list() {
            for layer in image.layers { #expect(try Files.list(service.content.directories.layer(layer)).count == 1) }
            _ = try await service.documents(of: image)
        }
    }
}

@Suite struct QueueTests {
    private actor Counts {
        var (now, most) = (0, 0)
        func enter() {
            now += 1
            most = max(most, now)
        }
        func leave() { now -= 1 }
    }

    @Test func limiterLetsSoManyIn() async throws {
        let limiter = TurnQueue(places: 3)
        let counts = Counts()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await limiter.run {
                        await counts.enter()
                        try? await Task.sleep(for: .milliseconds(1))
                        await counts.leave()
                    }
                }
            }
        }
        #expect(await counts.now == 0)
        #expect(await counts.most == 3)
    }

    @Test func everyChunkArrivesInOrder() async throws {
        let queue = ChunkQueue(limit: 100)
        async let received = onOwnThread(named: "test") {
            var all: [UInt8] = []
            while let chunk = try queue.pop() { all += Array(chunk.readableBytesView) }
            return all
        }
        for value in 0..<1000 { #expect(await queue.push(.init(bytes: Array(repeating: UInt8(value % 251), count: value % 90)))) }
        queue.finish()
        #expect(try await received == (0..<1000).flatMap { Array(repeating: UInt8($0 % 251), count: $0 % 90) })
    }

    @Test func aProducerAheadWaits() async throws {
        let queue = ChunkQueue(limit: 10)
        let pushed = Mutex(0)
        let producer = Task {
            for _ in 0..<5 {
                _ = await queue.push(.init(bytes: [UInt8](repeating: 0, count: 8)))
                pushed.withLock { $0 += 1 }
            }
        }
        for expected in 1...2 {
            while pushed.withLock({ $0 }) < expected { try await Task.sleep(for: .milliseconds(2)) }
            try await Task.sleep(for: .milliseconds(20))
            #expect(pushed.withLock { $0 } == expected)
            _ = try await onOwnThread(named: "test") { try queue.pop() }
        }
        queue.abandon()
        await producer.value
        #expect(await queue.push(.init(bytes: [1])) == false)
    }

    @Test func theDownloadsErrorReachesTheThread() async throws {
        let queue = ChunkQueue(limit: 10)
        _ = await queue.push(.init(bytes: [1]))
        queue.finish(CancellationError())
        #expect(try await onOwnThread(named: "test") { try queue.pop()?.readableBytes } == 1)
        await #expect(throws: CancellationError.self) { try await onOwnThread(named: "test") { _ = try queue.pop() } }
    }
}
