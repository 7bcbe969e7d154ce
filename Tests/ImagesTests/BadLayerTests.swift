import Glibc
import Linux
import OCI
import Testing

@testable import Images

/// Layers that must not be unpacked: each gives one clear error, leaves nothing, and does not stand in the way of a good one.
@Suite struct BadLayerTests {
    let host: Host

    init() throws { host = try Host() }

    /// Pulls an image of the layer, which must fail, and then a good one under the same name.
    private func refusal(of layer: FakeLayer, _ adjust: @escaping (inout ImageOptions) -> Void = { _ in }) async throws -> ImageError? {
        try host.registry.push([layer], tag: "one")
        let service = try await host.start { adjust(&$0) }
        let error = await imageError { _ = try await service.pull("fake.test/image:one") }
        #expect(try host.names("layers").isEmpty)
        #expect(try host.names("temporary").isEmpty)
        #expect(try await service.list().isEmpty)
        #expect(!Files.exists("\(host.root)/escaped"))
        try host.registry.push([FakeLayer { $0.file("good", "x") }], tag: "one")
        _ = try await service.pull("fake.test/image:one")
        #expect(try host.names("layers").count == 1)
        try await service.remove("fake.test/image:one")
        return error
    }

    @Test(arguments: ["../escaped", "a/../../escaped", "/../escaped", "..", "a/b/../../../escaped"])
    func namesThatLeadOut(_ name: String) async throws {
        let error = try await refusal(of: FakeLayer { $0.file(name, "x") })
        guard case .pathEscapes(name, _) = error else { return #expect(Bool(false), "\(error as Any)") }
        let directory = try await refusal(of: FakeLayer { $0.directory(name) })
        guard case .pathEscapes = directory else { return #expect(Bool(false), "\(directory as Any)") }
    }

    @Test(arguments: ["../outside", "../../etc/passwd", "a/../../etc"]) func linksThatLeadOut(_ target: String) async throws {
        for error in [
            try await refusal(of: FakeLayer { $0.symbolicLink("link", to: target) }),
            try await refusal(of: FakeLayer { $0.hardLink("link", to: target) }),
        ] {
            guard case .pathEscapes = error else { return #expect(Bool(false), "\(error as Any)") }
        }
    }

    /// An absolute link is the container's business; what is written through it stays inside.
    @Test func nothingIsWrittenThroughLinks() async throws {
        let directory = try await host.unpack(
            FakeLayer {
                $0.symbolicLink("absolute", to: host.root)
                $0.file("absolute/escaped", "x")
                $0.symbolicLink("climbing/up", to: "..")
                $0.symbolicLink("climbing/twice", to: "up/../..")
                $0.file("climbing/twice/escaped2", "x")
                $0.symbolicLink("loop", to: "/proc/self/root")
                $0.file("loop/escaped3", "x")
            })
        #expect(!Files.exists("\(host.root)/escaped"))
        #expect(try Files.readText("\(directory)\(host.root)/escaped") == "x")
        #expect(try Files.readText("\(directory)/escaped2") == "x")
        #expect(try Files.readText("\(directory)/proc/self/root/escaped3") == "x")
    }

    /// Neither the stack nor the time that a path takes depends on how many directories an entry implies.
    @Test(arguments: [1000, 2000]) func deepPaths(depth: Int) async throws {
        let directory = try await host.unpack(
            FakeLayer {
                $0.pax(["path": String(repeating: "d/", count: depth) + "file"])
                $0.file("x", "deep")
            })
        var found = ""
        try TreeWalk.run(try OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY)) { entry in
            if entry.depth == depth { found = entry.text }
            return true
        }
        #expect(found == "file")
    }

    /// Directories that no entry describes look as those of lower layers, however many lie within each other.
    @Test func deepImpliedDirectoriesAreInherited() async throws {
        let path = String(repeating: "d/", count: 1000)
        try host.registry.push(
            [
                FakeLayer {
                    for depth in [1, 500, 1000] {
                        $0.pax(["path": String(path.prefix(2 * depth))])
                        $0.directory("x", mode: 0o700)
                    }
                },
                FakeLayer {
                    $0.pax(["path": path + "file"])
                    $0.file("x", "deep")
                },
            ], tag: "deep")
        let service = try await host.start()
        _ = try await service.pull("fake.test/image:deep")
        #expect(try await service.list().count == 1)
    }

    @Test func pathsLongerThanTheKernelTakes() async throws {
        let error = try await refusal(
            of: FakeLayer {
                $0.pax(["path": String(repeating: "d/", count: 3000) + "file"])
                $0.file("x", "deep")
            })
        guard case .corrupt = error else { return #expect(Bool(false), "\(error as Any)") }
    }

    @Test func hardLinksDoNotLeadThroughLinks() async throws {
        try Files.makeDirectories("\(host.root)/secret")
        try Files.writeAtomically(Array("secret".utf8), to: "\(host.root)/secret/file")
        let error = try await refusal(
            of: FakeLayer {
                $0.symbolicLink("out", to: "\(host.root)/secret")
                $0.hardLink("mine", to: "out/file")
            })
        guard case .corrupt(_, let reason) = error else { return #expect(Bool(false), "\(error as Any)") }
        #expect(reason.contains("hard link"))
    }

    @Test func brokenStructure() async throws {
        let layers: [(String, FakeLayer)] = [
            (
                "a file as a directory",
                FakeLayer {
                    $0.file("a")
                    $0.file("a/b")
                }
            ),
            (
                "a link to itself",
                FakeLayer {
                    $0.symbolicLink("a", to: "a")
                    $0.file("a/b")
                }
            ),
            ("a hard link to itself", FakeLayer { $0.hardLink("a", to: "a") }),
            ("a hard link to nothing", FakeLayer { $0.hardLink("a", to: "b") }),
            ("a whiteout of nothing", FakeLayer { $0.file(".wh.") }),
            ("a whiteout of the parent", FakeLayer { $0.file("a/.wh...") }),
            (
                "a root that is a file",
                FakeLayer {
                    $0.file("./")
                    $0.add(.init(name: [UInt8(ascii: ".")], type: "0"))
                }
            ),
            (
                "a name that is too long",
                FakeLayer {
                    $0.pax(["path": String(repeating: "n", count: 300)])
                    $0.file("x")
                }
            ),
            ("no archive", FakeLayer(archive: Array(repeating: UInt8(ascii: "x"), count: 4000))),
        ]
        for (what, layer) in layers {
            let error = try await refusal(of: layer)
            guard case .corrupt = error else {
                Issue.record("\(what): \(error as Any)")
                continue
            }
        }
    }

    @Test func truncatedArchive() async throws {
        var tar = TarBuilder()
        tar.file("a", String(repeating: "x", count: 5000))
        let error = try await refusal(of: FakeLayer(archive: Array(tar.bytes.prefix(2000))))
        guard case .corrupt = error else { return #expect(Bool(false), "\(error as Any)") }
    }

    @Test func compressionThatIsDamaged() async throws {
        let whole = FakeLayer { for index in 0..<200 { $0.file("file\(index)", String(repeating: "\(index)", count: index)) } }
        for (what, blob) in [
            ("half a gzip", Array(whole.blob.prefix(whole.blob.count / 2))), ("gzip without its end", Array(whole.blob.dropLast(3))),
            ("gzip with a tail", whole.blob + [1, 2, 3]), ("half a zstd", Array(zstd(whole.archive).prefix(300))),
            ("a flipped bit", whole.blob.enumerated().map { $0.offset == whole.blob.count - 6 ? $0.element ^ 1 : $0.element }),
        ] {
            var layer = whole
            layer.blob = blob
            let error = try await refusal(of: layer)
            guard case .corrupt = error else {
                Issue.record("\(what): \(error as Any)")
                continue
            }
        }
    }

    @Test func digestsAndSizes() async throws {
        let other = digest(of: [1])
        var wrongDigest = FakeLayer { $0.file("a") }
        wrongDigest.declaredDigest = other
        guard case .digestMismatch(_, other, _) = try await refusal(of: wrongDigest) else { return #expect(Bool(false)) }
        var wrongDiffID = FakeLayer { $0.file("a") }
        wrongDiffID.declaredDiffID = other
        guard case .digestMismatch(_, other, _) = try await refusal(of: wrongDiffID) else { return #expect(Bool(false)) }
        for difference in [-1, 1] {
            var wrongSize = FakeLayer { $0.file("a") }
            wrongSize.declaredSize = wrongSize.blob.count + difference
            guard case .corrupt = try await refusal(of: wrongSize) else { return #expect(Bool(false)) }
        }
    }

    @Test func bomb() async throws {
        let layer = FakeLayer { $0.add(.init(name: Array("zeros".utf8), content: [UInt8](repeating: 0, count: 8 << 20))) }
        let error = try await refusal(of: layer) {
            $0.freeExpansion = 1 << 20
            $0.maximumExpansion = 50
        }
        guard case .tooLarge(_, let limit) = error else { return #expect(Bool(false), "\(error as Any)") }
        #expect(limit == max(1 << 20, Int64(layer.blob.count) * 50))
    }
}
