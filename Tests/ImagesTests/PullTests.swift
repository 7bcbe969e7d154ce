import FoundationEssentials
import Linux
import OCI
import Registry
import Synchronization
import Testing

@testable import Images

@Suite struct PullTests {
    let host: Host
    let name = "fake.test/app"

    init() throws { host = try Host() }

    @Test func aPulledImageIsListedUnderItsNames() async throws {
        let pushed = try host.registry.push([FakeLayer { $0.file("a", "x") }], tag: "1", user: "1000:0")
        let service = try await host.start()
        let pulled = try await service.pull("\(name):1")
        #expect(pulled.id == pushed.id.description)
        #expect(pulled.reference == "\(name)@\(pushed.manifest)")
        let image = try #require(try await service.list().first)
        #expect(image.id == pulled.id)
        #expect(image.repoTags == ["\(name):1"])
        #expect(image.repoDigests == ["\(name)@\(pushed.manifest)"])
        #expect(image.configuration.config?.user == "1000:0")
        #expect(image.size > 4096)
        for text in [pulled.id, String(pulled.id.dropFirst(7)), String(pulled.id.dropFirst(7).prefix(12)), "\(name):1", pulled.reference] {
            #expect(try await service.resolve(text) == image, "\(text)")
            #expect(try await service.list(text) == [image], "\(text)")
        }
        for text in ["\(name):2", "\(name)@sha256:\(String(repeating: "0", count: 64))", "0123456789ab", "sha256:0123"] {
            #expect(try await service.resolve(text) == nil, "\(text)")
        }
        let documents = try await service.documents(of: image)
        #expect(digest(of: Array(documents.manifest.utf8)) == pushed.manifest)
        #expect(digest(of: Array(documents.configuration.utf8)) == pushed.id)
        let usage = try #require(try await service.usage().first)
        #expect(usage.bytes == 3 * 4096 && usage.inodes == 2)
    }

    @Test func byDigestItHasNoTag() async throws {
        let pushed = try host.registry.push([FakeLayer { $0.file("a") }], tag: nil)
        let service = try await host.start()
        _ = try await service.pull("\(name)@\(pushed.manifest)")
        let image = try #require(try await service.list().first)
        #expect(image.repoTags.isEmpty)
        #expect(image.repoDigests == ["\(name)@\(pushed.manifest)"])
    }

    @Test func removingByAnyNameRemovesAll() async throws {
        let pushed = try host.registry.push([FakeLayer { $0.file("a") }], tag: "1")
        try host.registry.push([FakeLayer { $0.file("a") }], tag: "2")
        let service = try await host.start()
        for text in ["\(name):1", "\(name)@\(pushed.manifest)", pushed.id.description, String(pushed.id.hex.prefix(9))] {
            for other in ["\(name):1", "\(name):2", "second.test/copy:1"] { _ = try await service.pull(other) }
            #expect(try await service.list().map(\.repoTags) == [["\(name):1", "\(name):2", "second.test/copy:1"]])
            #expect(try await service.list().first?.repoDigests.count == 2)
            try await service.remove(text)
            #expect(try await service.list().isEmpty, "\(text)")
            #expect(try host.names("layers").isEmpty && host.names("documents").isEmpty)
            try await service.remove(text)
        }
    }

    @Test func removalsAtOnceAllSucceed() async throws {
        let pushed = try host.registry.push([FakeLayer { $0.file("a") }], tag: "1")
        let service = try await host.start()
        _ = try await service.pull("\(name):1")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await service.remove(pushed.id.description)
                    #expect(try await service.resolve(pushed.id.description) == nil)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func aTagThatMovedLeavesTheOldImage() async throws {
        let old = try host.registry.push([FakeLayer { $0.file("old") }], tag: "1")
        let service = try await host.start()
        _ = try await service.pull("\(name):1")
        let new = try host.registry.push([FakeLayer { $0.file("new") }], tag: "1")
        _ = try await service.pull("\(name):1")
        #expect(try await service.resolve("\(name):1")?.id == new.id.description)
        #expect(try await service.resolve(old.id.description)?.repoTags == [])
        #expect(try await service.resolve("\(name)@\(old.manifest)")?.id == old.id.description)
    }

    @Test func anIndexLeadsToThePlatform() async throws {
        let layer = FakeLayer { $0.file("a") }
        let mine = try host.registry.push([layer], tag: nil, manifestType: MediaType.dockerManifest, configType: MediaType.dockerConfig)
        let other = try host.registry.push([FakeLayer { $0.file("b") }], tag: nil, platform: Platform(architecture: "s390x", os: "linux"))
        func index(_ entries: [(Digest, Platform)]) throws -> [UInt8] {
            let descriptors = entries.map { Descriptor(mediaType: MediaType.dockerManifest, digest: $0.0, size: 1, platform: $0.1) }
            let text = String(decoding: try JSONEncoder().encode(descriptors), as: UTF8.self)
            return Array(#"{"schemaVersion":2,"manifests":\#(text)}"#.utf8)
        }
        let foreign = Platform(architecture: "s390x", os: "linux")
        let top = host.registry.put(try index([(other.manifest, foreign), (mine.manifest, .host)]), type: MediaType.dockerList, tag: "1")
        host.registry.put(try index([(other.manifest, foreign)]), type: MediaType.ociIndex, tag: "foreign")
        let service = try await host.start()
        let pulled = try await service.pull("\(name):1")
        #expect(pulled.id == mine.id.description)
        #expect(pulled.reference == "\(name)@\(top)")
        let expected = ["\(name)@\(top)", "\(name)@\(mine.manifest)"].sorted()
        #expect(try await service.list().first?.repoDigests == expected)
        guard case .noMatchingPlatform(_, _, [foreign]) = await imageError({ _ = try await service.pull("\(name):foreign") }) else {
            return #expect(Bool(false))
        }
    }

    @Test(arguments: [nil, Platform(architecture: "", os: ""), Platform(architecture: "x86_64", os: "Linux")] as [Platform?])
    func aConfigurationMayNameNoPlatform(_ platform: Platform?) async throws {
        try host.registry.push([FakeLayer { $0.file("a") }], tag: "1", platform: platform)
        let service = try await host.start()
        _ = try await service.pull("\(name):1")
        #expect(try await service.resolve("\(name):1") != nil)
    }

    @Test func everyCompression() async throws {
        var layers: [FakeLayer] = []
        for (index, type) in [MediaType.ociLayer, MediaType.ociLayerGzip, MediaType.ociLayerZstd, MediaType.dockerLayerGzip].enumerated() {
            var layer = FakeLayer { $0.file("file\(index)", "x") }
            layer.mediaType = type
            if type == MediaType.ociLayer { layer.blob = layer.archive }
            // The last one is not what its type says.
            if index >= 2 { layer.blob = zstd(layer.archive) }
            layers.append(layer)
        }
        try host.registry.push(layers, tag: "1")
        let service = try await host.start()
        _ = try await service.pull("\(name):1")
        for (index, layer) in layers.enumerated() {
            #expect(try Files.list(service.content.directories.layer(layer.diffID)) == ["file\(index)"])
        }
    }

    @Test func progressIsTold() async throws {
        let layers = (0..<3).map { index in
            FakeLayer { $0.add(.init(name: Array("noise\(index)".utf8), content: (0..<2_000_000).map { _ in UInt8.random(in: 0...255) })) }
        }
        try host.registry.push(layers, tag: "1")
        let service = try await host.start()
        let told = Mutex<[PullProgress]>([])
        let pulled = try await service.pull("\(name):1") { progress in told.withLock { $0.append(progress) } }
        #expect(pulled.fetched == layers.reduce(0) { $0 + Int64($1.blob.count) })
        for (index, layer) in layers.enumerated() {
            let own = told.withLock { $0.filter { $0.index == index } }
            #expect(own.count > 4)
            #expect(own.allSatisfy { $0.layer == layer.descriptor.digest && $0.count == 3 && $0.size == layer.descriptor.size })
            #expect(own.map(\.received) == own.map(\.received).sorted())
            #expect(own.last?.phase == .done && own.last?.received == layer.descriptor.size)
        }
        told.withLock { $0 = [] }
        #expect(try await service.pull("\(name):1").fetched == 0)
    }

    @Test func aSecondPullFetchesNothing() async throws {
        let layer = FakeLayer { $0.file("a") }
        try host.registry.push([layer], tag: "1")
        let service = try await host.start()
        for _ in 0..<3 { _ = try await service.pull("\(name):1") }
        #expect(host.registry.reads(layer.descriptor.digest) == 1)
    }

    @Test func theRegistrysErrorComesThrough() async throws {
        let service = try await host.start()
        guard case .registry(.notFound) = await imageError({ _ = try await service.pull("\(name):none") }) else {
            return #expect(Bool(false))
        }
        host.registry.content.withLock { $0.refusal = .blocked("x", prefix: "y") }
        guard case .registry(.blocked) = await imageError({ _ = try await service.pull("\(name):1") }) else { return #expect(Bool(false)) }
        guard case .invalidReference = await imageError({ _ = try await service.pull("Not A Name") }) else { return #expect(Bool(false)) }
    }

    @Test func shortNamesTryOneAfterTheOther() async throws {
        try host.registry.push([FakeLayer { $0.file("a") }], tag: "there")
        host.registry.content.withLock { $0.candidates["app"] = ["first.test/app:missing", "second.test/app:there"] }
        let service = try await host.start()
        #expect(try await service.pull("app").reference.hasPrefix("second.test/app@"))
        #expect(try await service.resolve("app")?.repoTags == ["second.test/app:there"])
    }

    @Test func pinnedImagesAreMarked() async throws {
        try host.registry.push([FakeLayer { $0.file("a") }], tag: "1")
        let service = try await host.start { $0.pinnedImages = ["fake.test/*"] }
        _ = try await service.pull("\(name):1")
        #expect(try await service.resolve("\(name):1")?.pinned == true)
        try await service.setPinnedImages([])
        #expect(try await service.resolve("\(name):1")?.pinned == false)
    }

    @Test func anIDIsNoNameToPull() async throws {
        let service = try await host.start()
        let error = await imageError { _ = try await service.pull(String(repeating: "ab", count: 32)) }
        guard case .invalidReference(.identifier) = error else { return #expect(Bool(false), "\(error as Any)") }
    }
}
