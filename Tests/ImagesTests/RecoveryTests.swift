import Glibc
import Linux
import OCI
import Store
import Testing

@testable import Images

@Suite struct RecoveryTests {
    let host: Host

    init() throws { host = try Host() }

    @Test func imagesSurviveARestart() async throws {
        try host.registry.push([FakeLayer { $0.file("a", "x") }, FakeLayer { $0.directory("b") }], tag: "1")
        let before = try await host.start()
        _ = try await before.pull("fake.test/app:1")
        let after = try await host.start()
        #expect(try await after.list() == (try await before.list()))
        #expect(try await after.usage() == (try await before.usage()))
    }

    @Test func whatACrashLeftIsRemoved() async throws {
        try host.registry.push([FakeLayer { $0.file("a", "x") }], tag: "1")
        let service = try await host.start()
        let image = try await service.pull("fake.test/app:1")
        let storage = "\(host.root)/storage"
        let orphan = String(repeating: "ab", count: 32)
        for path in ["temporary/half/usr/bin", "trash/doomed/usr", "layers/\(orphan)/usr", "layers/no-digest"] {
            try Files.makeDirectories("\(storage)/\(path)")
        }
        try Files.writeAtomically([1], to: "\(storage)/documents/\(orphan)")
        try Files.writeAtomically([1], to: "\(storage)/documents/\(orphan).new")
        let restarted = try await host.start()
        #expect(try host.names("temporary").isEmpty)
        #expect(try host.names("layers").count == 1)
        #expect(try host.names("documents").count == 2)
        #expect(try await restarted.resolve(image.id) != nil)
        for _ in 0..<500 where !(try host.names("trash").isEmpty) { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try host.names("trash").isEmpty)
    }

    @Test func layersOfNoImageGo() async throws {
        let service = try await host.start()
        let layer = digest(of: [7])
        try Files.makeDirectories(service.content.directories.layer(layer))
        try await service.content.change {
            $0.add(LayerRecord(digest: layer, bytes: 1, inodes: 1, implied: [], hidesAll: false, unsyncedSince: nil))
        }
        #expect(try await host.start().usage().first?.bytes == 0)
        #expect(try host.names("layers").isEmpty)
    }

    @Test func anImageWithoutItsLayerIsDroppedAndCanBePulledAgain() async throws {
        let layer = FakeLayer { $0.file("a", "x") }
        try host.registry.push([layer], tag: "1")
        let service = try await host.start()
        _ = try await service.pull("fake.test/app:1")
        try TreeRemoval.remove(service.content.directories.layer(layer.diffID))
        let restarted = try await host.start()
        #expect(try await restarted.list().isEmpty)
        _ = try await restarted.pull("fake.test/app:1")
        #expect(try Files.list(restarted.content.directories.layer(layer.diffID)) == ["a"])
    }

    /// The node lost power before the layer was on disk: what is there cannot be trusted.
    @Test func layersOfAnEarlierBootThatWereNotSyncedGo() async throws {
        let layer = FakeLayer { $0.file("a", "x") }
        try host.registry.push([layer], tag: "1")
        let service = try await host.start()
        _ = try await service.pull("fake.test/app:1")
        while service.content.catalog.layers.values.contains(where: { $0.unsyncedSince != nil }) {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try await host.start().list().count == 1)
        try await service.content.change {
            $0.add(LayerRecord(digest: layer.diffID, bytes: 1, inodes: 1, implied: [], hidesAll: false, unsyncedSince: "another boot"))
        }
        let restarted = try await host.start()
        #expect(try await restarted.list().isEmpty)
        #expect(try host.names("layers").isEmpty)
        _ = try await restarted.pull("fake.test/app:1")
        #expect(try await restarted.list().count == 1)
    }

    /// A layer's directory without its record is in the way of the same layer, pulled again.
    @Test func aDirectoryInTheWayIsReplaced() async throws {
        let layer = FakeLayer { $0.file("a", "x") }
        try host.registry.push([layer], tag: "1")
        let service = try await host.start()
        try Files.makeDirectories("\(service.content.directories.layer(layer.diffID))/half")
        _ = try await service.pull("fake.test/app:1")
        #expect(try Files.list(service.content.directories.layer(layer.diffID)) == ["a"])
    }
}
