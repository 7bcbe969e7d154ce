import OCI
import Testing

@testable import Images

private func digest(_ seed: Int) -> Digest { digest(of: Array("\(seed)".utf8)) }

private func image(_ id: Int, tags: [String] = [], digests: [String] = [], layers: [Int] = []) -> ImageRecord {
    ImageRecord(
        id: digest(id), repoTags: tags, repoDigests: digests, size: 1,
        configuration: ImageConfiguration(architecture: "amd64", os: "linux"),
        manifest: digest(id + 1000), layers: layers.map { digest($0) })
}

private func layer(_ seed: Int) -> LayerRecord {
    LayerRecord(digest: digest(seed), bytes: 1, inodes: 1, implied: [], hidesAll: false, unsyncedSince: "boot")
}

@Suite struct CatalogTests {
    let nothing = PinnedImages(patterns: [])

    @Test func aTagThatMovesLeavesItsImage() {
        var catalog = Catalog()
        catalog.add(image(1, tags: ["r/a:1", "r/a:2"], digests: ["r/a@d1"]), pinning: nothing)
        catalog.add(image(2, tags: ["r/a:1"]), pinning: nothing)
        #expect(catalog.image(tag: "r/a:1")?.id == digest(2).description)
        #expect(catalog.images[digest(1).description]?.repoTags == ["r/a:2"])
        #expect(catalog.image(repoDigest: "r/a@d1")?.id == digest(1).description)
        let written = catalog.takeChanges().compactMap { if case .putImage(let image) = $0 { image.id } else { nil } }
        #expect(written == [1, 1, 2].map { digest($0).description })
        #expect(catalog.takeChanges().isEmpty)
    }

    @Test func namesGatherOnOneImage() {
        var catalog = Catalog()
        catalog.add(image(1, tags: ["b/x:1"], digests: ["b/x@d"]), pinning: nothing)
        catalog.add(image(1, tags: ["a/x:1"], digests: ["a/x@d"]), pinning: nothing)
        catalog.add(image(1, tags: ["a/x:1"], digests: ["a/x@d"]), pinning: nothing)
        let found = catalog.image(tag: "b/x:1")
        #expect(found?.repoTags == ["a/x:1", "b/x:1"])
        #expect(found?.repoDigests == ["a/x@d", "b/x@d"])
    }

    @Test func removalTakesAllNames() throws {
        var catalog = Catalog()
        catalog.add(image(1, tags: ["a/x:1", "a/x:2"], digests: ["a/x@d"]), pinning: nothing)
        try catalog.remove(digest(1).description)
        try catalog.remove(digest(1).description)
        #expect(catalog.images.isEmpty)
        #expect(catalog.image(tag: "a/x:2") == nil)
        #expect(catalog.image(repoDigest: "a/x@d") == nil)
    }

    @Test func anImageInUseStays() throws {
        var catalog = Catalog()
        catalog.add(layer(10))
        catalog.add(image(1, tags: ["a/x:1"], layers: [10]), pinning: nothing)
        try catalog.hold(digest(1).description, by: "container")
        guard case .inUse("a/x:1", ["container"]) = (#expect(throws: ImageError.self) { try catalog.remove(digest(1).description) }) else {
            return #expect(Bool(false))
        }
        catalog.release("container")
        catalog.release("container")
        try catalog.remove(digest(1).description)
        #expect(catalog.collect() == [digest(10)])
        #expect(throws: ImageError.self) { try catalog.hold(digest(1).description, by: "container") }
    }

    @Test func layersGoWithTheirLastNeed() throws {
        var catalog = Catalog()
        for seed in 10...13 { catalog.add(layer(seed)) }
        catalog.add(image(1, layers: [10, 11]), pinning: nothing)
        catalog.add(image(2, layers: [10, 12]), pinning: nothing)
        catalog.pin([digest(13)])
        catalog.pin([digest(13)])
        #expect(catalog.collect().isEmpty)
        try catalog.remove(digest(1).description)
        #expect(catalog.collect() == [digest(11)])
        catalog.unpin([digest(13)])
        #expect(catalog.collect().isEmpty)
        catalog.unpin([digest(13)])
        catalog.unpin([digest(13)])
        #expect(catalog.collect() == [digest(13)])
        #expect(Set(catalog.layers.keys) == [digest(10), digest(12)])
    }

    @Test func idsByTheirBeginning() throws {
        var catalog = Catalog()
        let (one, two) = (Digest(hex: "abc1" + String(repeating: "0", count: 60)), Digest(hex: "abc2" + String(repeating: "0", count: 60)))
        for id in [one, two].compactMap({ $0 }) {
            catalog.add(
                ImageRecord(
                    id: id, size: 1, configuration: ImageConfiguration(architecture: "amd64", os: "linux"), manifest: id, layers: []),
                pinning: nothing)
        }
        #expect(try catalog.image(idPrefix: "abc1")?.id == one?.description)
        #expect(try catalog.image(idPrefix: "abd") == nil)
        #expect(try catalog.image(idPrefix: two?.hex ?? "")?.id == two?.description)
        guard case .ambiguousID("abc", 2) = (#expect(throws: ImageError.self) { try catalog.image(idPrefix: "abc") }) else {
            return #expect(Bool(false))
        }
    }

    @Test func whatLostALayerIsDropped() {
        var catalog = Catalog()
        let lost = catalog.load(
            images: [image(1, tags: ["a:1"], layers: [10]), image(2, layers: [11]), image(3, layers: [12])],
            layers: [layer(10), layer(11)], holders: []
        ) { $0.digest != digest(10) }
        #expect(lost == ["a:1", digest(3).description])
        #expect(Set(catalog.images.keys) == [digest(2).description])
        #expect(
            catalog.takeChanges() == [
                .removeLayer(digest(10)), .removeImage(digest(1).description), .removeImage(digest(3).description),
            ])
    }

    @Test func pinningFollowsNamesAndPatterns() {
        var catalog = Catalog()
        let pause = PinnedImages(patterns: ["registry/pause*"])
        catalog.add(image(1, tags: ["registry/pause:3.9"]), pinning: pause)
        #expect(catalog.image(tag: "registry/pause:3.9")?.pinned == true)
        catalog.add(image(2, tags: ["registry/pause:3.9"]), pinning: pause)
        #expect(catalog.images[digest(1).description]?.pinned == false)
        catalog.repin(nothing)
        #expect(catalog.images.values.allSatisfy { !$0.pinned })
    }

    /// Whatever is done in whatever order, a layer in the catalog is needed or was not collected yet, and none that is needed goes.
    @Test func collectionTakesNothingThatIsNeeded() throws {
        var random = SystemRandomNumberGenerator()
        var catalog = Catalog()
        for _ in 0..<2000 {
            let seed = Int.random(in: 1...6, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0:
                let layers = (10..<20).shuffled(using: &random).prefix(3)
                for name in layers where catalog.layers[digest(name)] == nil { catalog.add(layer(name)) }
                catalog.add(image(seed, tags: ["t:\(Int.random(in: 0..<4, using: &random))"], layers: Array(layers)), pinning: nothing)
            case 1: try? catalog.remove(digest(seed).description)
            case 2: try? catalog.hold(digest(seed).description, by: "c\(seed)")
            case 3: catalog.release("c\(seed)")
            case 4: catalog.pin([digest(10 + seed)])
            case 5: catalog.unpin([digest(10 + seed)])
            default: _ = catalog.collect()
            }
            for image in catalog.images.values {
                #expect(image.layers.allSatisfy { catalog.layers[$0] != nil })
                #expect(image.repoTags.allSatisfy { catalog.image(tag: $0)?.id == image.id })
            }
            for holder in catalog.holders.values { #expect(holder.layers.allSatisfy { catalog.layers[$0] != nil }) }
        }
    }
}

@Suite struct ImageNameTests {
    @Test func whatMayBeAnID() {
        let hex = String(repeating: "ab", count: 32)
        #expect(ImageName(hex) == .idDigits(hex))
        #expect(ImageName("sha256:\(hex)") == .idDigits(hex))
        #expect(ImageName("sha256:abc") == .idDigits("abc"))
        #expect(ImageName("cafe") == .idDigits("cafe"))
        for text in ["ab", "busybox", "ABC", "", "abc:1", hex + "a"] { #expect(ImageName(text) == .reference(text)) }
    }

    @Test(arguments: [
        ("a/b:1", "a/b:1", true), ("a/b:1", "a/b:*", true), ("a/b:1", "*", true), ("a/b:1", "*b*", true), ("a/b:1", "a/*:1", true),
        ("a/b:1", "b", false), ("a/b:1", "a/b", false), ("a/b:1", "*:2", false), ("", "*", true), ("", "", true), ("x", "", false),
        ("aaab", "*ab", true), ("abab", "a*b*c", false), ("a/b:1", "a/b:1*", true), ("aab", "*a*b", true),
    ])
    func patterns(_ name: String, _ pattern: String, _ matches: Bool) {
        #expect(PinnedImages.match(name, pattern) == matches)
    }
}
