import Linux
import OCI
import Registry
import Synchronization
import Testing

@testable import Images

/// What a manifest claims of layers gives nobody what he does not have.
@Suite struct ClaimTests {
    let host: Host

    init() throws { host = try Host() }

    private func isMismatch(_ error: ImageError?) -> Bool { if case .digestMismatch = error { true } else { false } }

    /// A manifest names the content of a layer that is here, and a blob of another.
    @Test func anothersContentIsNotHadByItsName() async throws {
        let secret = FakeLayer { $0.file("secret", "x") }
        try host.registry.push([secret], tag: "private")
        var thief = FakeLayer { $0.file("nothing") }
        thief.declaredDiffID = secret.diffID
        try host.registry.push([thief], tag: "thief")
        let service = try await host.start()
        _ = try await service.pull("fake.test/app:private")
        #expect(isMismatch(await imageError { _ = try await service.pull("evil.test/app:thief") }))
        #expect(try await service.resolve("evil.test/app:thief") == nil)
        #expect(host.registry.reads(thief.descriptor.digest) == 1)
    }

    /// The same while the honest pull is under way: it is neither held up nor failed by the other.
    @Test func aClaimHoldsUpNobody() async throws {
        let layer = FakeLayer { $0.file("a", "x") }
        try host.registry.push([layer], tag: "honest")
        var claim = FakeLayer { $0.file("nothing") }
        claim.declaredDiffID = layer.diffID
        try host.registry.push([claim], tag: "hostile")
        let gate = Gate()
        let held = claim.descriptor.digest
        host.registry.content.withLock { $0.beforeChunk = { blob, offset in if blob == held, offset == 0 { try await gate.pass() } } }
        let service = try await host.start()
        let hostile = Task { try await service.pull("evil.test/app:hostile") }
        try await gate.waitForArrivals(1)
        _ = try await service.pull("fake.test/app:honest")
        gate.open()
        #expect(isMismatch(await imageError { _ = try await hostile.value }))
        #expect(try await service.resolve("fake.test/app:honest") != nil)
    }

    /// Another blob of the same content is read once, and then known.
    @Test func anotherBlobOfTheSameContentIsVerified() async throws {
        let one = FakeLayer { $0.file("a", "x") }
        var two = one
        two.blob = zstd(two.archive)
        try host.registry.push([one], tag: "1")
        try host.registry.push([two], tag: "2")
        let service = try await host.start()
        for tag in ["1", "2", "1", "2"] { _ = try await service.pull("fake.test/app:\(tag)") }
        #expect(host.registry.reads(one.descriptor.digest) == 1)
        #expect(host.registry.reads(two.descriptor.digest) == 1)
        #expect(try host.names("layers") == [one.diffID.hex])
        #expect(service.content.catalog.pins.isEmpty)
    }

    @Test func bothBlobsAtOnceMakeOneLayer() async throws {
        let one = FakeLayer { $0.file("a", "x") }
        var two = one
        two.blob = zstd(two.archive)
        try host.registry.push([one], tag: "1")
        try host.registry.push([two], tag: "2")
        let gate = Gate()
        let blobs = [one.descriptor.digest, two.descriptor.digest]
        host.registry.content.withLock { $0.beforeChunk = { blob, offset in if offset == 0, blobs.contains(blob) { try await gate.pass() } } }
        let service = try await host.start()
        let pulls = ["1", "2"].map { tag in Task { try await service.pull("fake.test/app:\(tag)") } }
        try await gate.waitForArrivals(2)
        gate.open()
        for pull in pulls { _ = try await pull.value }
        let record = try #require(service.content.catalog.layers[one.diffID])
        #expect(Set(record.blobs ?? []) == Set(blobs))
        #expect(try Files.list(service.content.directories.layer(one.diffID)) == ["a"])
    }

    @Test func aClaimThatFailsLeavesTheLayer() async throws {
        let layer = FakeLayer { $0.file("a", "x") }
        var damaged = layer
        damaged.blob = Array(gzip(layer.archive).dropLast(9)) + [0]
        try host.registry.push([layer], tag: "1")
        try host.registry.push([damaged], tag: "2")
        let service = try await host.start()
        _ = try await service.pull("fake.test/app:1")
        #expect(await imageError { _ = try await service.pull("fake.test/app:2") } != nil)
        #expect(try Files.list(service.content.directories.layer(layer.diffID)) == ["a"])
        #expect(service.content.catalog.layers[layer.diffID]?.blobs == [layer.descriptor.digest])
    }

    @Test func aPolicyHoldsForWhatAnotherNamespacePulled() async throws {
        try host.registry.push([FakeLayer { $0.file("a") }], tag: "1")
        let service = try await host.start()
        _ = try await service.pull("fake.test/app:1", namespace: "open")
        let image = try #require(try await service.resolve("fake.test/app:1"))
        host.registry.content.withLock { $0.rejectedNamespaces = ["locked"] }
        try await service.checkPolicy(image, as: "fake.test/app:1", namespace: "open")
        for name in ["fake.test/app:1", image.id, "Not A Name", "other.test/x"] {
            let error = await imageError { try await service.checkPolicy(image, as: name, namespace: "locked") }
            guard case .registry(.rejectedByPolicy) = error else { return #expect(Bool(false), "\(name): \(error as Any)") }
        }
    }
}

@Suite struct DownloadQueueTests {
    private func party(_ registry: String, _ caller: String) -> DownloadParty { DownloadParty(registry: registry, caller: caller) }

    /// Who gets a place at once, of callers numbered from `first`.
    private func admitted(_ queue: inout DownloadQueue, from first: Int, _ parties: [DownloadParty]) -> [Bool] {
        parties.enumerated().map { queue.enter(first + $0, $1) }
    }

    @Test func aPartyThatGivesNothingLeavesRoomForOthers() {
        var queue = DownloadQueue(each: 6)
        let (stuck, honest) = (party("evil.test", "a"), party("good.test", "a"))
        let first = admitted(&queue, from: 0, Array(repeating: stuck, count: 50))
        #expect(first == Array(repeating: true, count: 6) + Array(repeating: false, count: 44))
        let other = admitted(&queue, from: 100, [honest])
        #expect(other == [true])
        let next = [queue.leave(honest), queue.leave(stuck)]
        #expect(next == [nil, 6])
    }

    @Test func aCallerOfManyRegistriesLeavesRoomForOthers() {
        var queue = DownloadQueue(each: 6)
        let first = admitted(&queue, from: 0, (0..<13).map { party("evil\($0).test", "a") })
        #expect(first == Array(repeating: true, count: 12) + [false])
        let other = admitted(&queue, from: 13, [party("good.test", "b")])
        #expect(other == [true])
    }

    @Test func theFewestGoFirst() {
        var queue = DownloadQueue(each: 2)
        let first = admitted(&queue, from: 0, ["a", "a", "b", "b", "c", "c", "d", "d"].map { party("r", $0) })
        #expect(!first.contains(false))
        let waiting = admitted(&queue, from: 8, [party("r", "a"), party("r", "e")])
        #expect(waiting == [false, false])
        let next = [queue.leave(party("r", "a")), queue.leave(party("r", "b"))]
        #expect(next == [9, 8])
        #expect(queue.held.values.reduce(0, +) == 8)
    }
}
