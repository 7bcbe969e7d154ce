import CLinux
import Glibc
import Linux
import OCI
import Testing

@testable import Images

@Suite struct RootFilesystemTests {
    let host: Host

    init() throws { host = try Host() }

    private func image(_ layers: [FakeLayer]) async throws -> (ImageService, RootFilesystems, ImageRecord) {
        try host.registry.push(layers, tag: "1")
        let service = try await host.start()
        _ = try await service.pull("fake.test/app:1")
        return (service, RootFilesystems(images: service), try #require(try await service.list().first))
    }

    @Test func layersLieUponEachOther() async throws {
        let (_, roots, image) = try await image([
            FakeLayer {
                $0.directory("./", mode: 0o711)
                $0.file("etc/gone", "1")
                $0.file("etc/changed", "1")
                $0.directory("var/", mode: 0o755)
                $0.file("var/hidden", "1")
            },
            FakeLayer {
                $0.file("etc/.wh.gone")
                $0.file("etc/changed", "2")
                $0.directory("var/", mode: 0o700)
                $0.file("var/.wh..wh..opq")
                $0.file("var/new", "2")
            },
        ])
        let root = try await roots.prepare("c1", image: image)
        #expect(try Files.list("\(root)/etc") == ["changed"])
        #expect(try Files.readText("\(root)/etc/changed") == "2")
        #expect(try Files.list("\(root)/var") == ["new"])
        #expect(try status(root).st_mode & 0o7777 == 0o711)
        try Files.makeDirectories("\(root)/written")
        try Files.writeAtomically(Array(repeating: 1, count: 100_000), to: "\(root)/written/file")
        let usage = try await roots.usage("c1")
        #expect(usage.bytes >= 100_000 && usage.inodes == 3)
        #expect(try await roots.totalUsage().bytes >= usage.bytes)
        #expect(try await roots.list() == ["c1"])
        try await roots.remove("c1")
        try await roots.remove("c1")
        #expect(!Files.exists(root))
        #expect(try await roots.list().isEmpty)
    }

    /// A layer that holds files without their directories leaves these as the layers below have them.
    @Test func impliedDirectoriesLookAsBelow() async throws {
        let base = FakeLayer {
            $0.directory("./", mode: 0o751, owner: 9)
            $0.directory("tmp/", mode: 0o1777, modified: 1234)
            $0.directory("home/", mode: 0o711)
            $0.directory("home/user/", mode: 0o700, owner: 1000, group: 1001)
            $0.directory("gone/", mode: 0o700)
            $0.directory("again/", mode: 0o700)
        }
        let middle = FakeLayer {
            $0.file("tmp/file", "x")
            $0.file("home/user/.config/app", "x")
            $0.file(".wh.gone")
            $0.file("own/file", "x")
        }
        let top = FakeLayer {
            $0.file("gone/file", "x")
            $0.directory("again/", mode: 0o750)
            $0.file("again/x", "x")
        }
        let (service, roots, image) = try await image([base, middle, top])
        // The layer on top is none of the image's: nobody can claim it by its digest.
        #expect(Array(image.layers.prefix(3)) == [base.diffID, middle.diffID, top.diffID] && image.layers.count == 4)
        let root = try await roots.prepare("c1", image: image)
        func look(_ path: String) throws -> [UInt32] {
            let status = try status("\(root)/\(path)")
            return [status.st_mode & 0o7777, status.st_uid, status.st_gid]
        }
        #expect(try look("") == [0o751, 9, 0])
        #expect(try look("tmp") == [0o1777, 0, 0])
        #expect(try status("\(root)/tmp").st_mtim.tv_sec == 1234)
        #expect(try look("home") == [0o711, 0, 0])
        #expect(try look("home/user") == [0o700, 1000, 1001])
        #expect(try look("home/user/.config") == [0o755, 0, 0])
        #expect(try look("gone") == [0o755, 0, 0])
        #expect(try look("again") == [0o750, 0, 0])
        #expect(try look("own") == [0o755, 0, 0])
        #expect(try Files.list("\(root)/home/user/.config") == ["app"])
        #expect(try Files.list(root) == ["again", "gone", "home", "own", "tmp"])
        // The image's own layer goes with it.
        try await roots.remove("c1")
        try await service.remove(image.id)
        #expect(try host.names("layers").isEmpty)
    }

    @Test func theMostLayersThatTheKernelTakes() async throws {
        let layers = (0..<ImageManifest.mostLayers).map { index in
            FakeLayer {
                $0.directory("./")
                $0.file("file\(index)")
            }
        }
        let (_, roots, image) = try await image(layers)
        let root = try await roots.prepare("c1", image: image)
        #expect(try Files.list(root).count == ImageManifest.mostLayers)
    }

    @Test func anOpaqueRootHidesAllBelow() async throws {
        let (_, roots, image) = try await image([
            FakeLayer { $0.file("below") }, FakeLayer { $0.file(".wh..wh..opq") }, FakeLayer { $0.file("above") },
        ])
        #expect(try Files.list(try await roots.prepare("c1", image: image)) == ["above"])
    }

    @Test func repeatedAndMissingLayers() async throws {
        let (one, two) = (FakeLayer { $0.file("a", "1") }, FakeLayer { $0.file("a", "2") })
        let (_, roots, repeated) = try await image([one, two, one])
        let root = try await roots.prepare("c1", image: repeated)
        #expect(try Files.readText("\(root)/a") == "1")
        let (_, others, none) = try await image([])
        let bare = try await others.prepare("c2", image: none)
        try Files.makeDirectories("\(bare)/made")
        #expect(try await others.usage("c2").inodes == 2)
        try await others.remove("c2")
    }

    @Test func anImageInUseIsNotRemoved() async throws {
        let (service, roots, image) = try await image([FakeLayer { $0.file("a", "1") }])
        _ = try await roots.prepare("c1", image: image)
        guard case .inUse("fake.test/app:1", ["c1"]) = await imageError({ try await service.remove(image.id) }) else {
            return #expect(Bool(false))
        }
        // Nor is it after a restart of the daemon.
        let restarted = try await host.start()
        guard case .inUse = await imageError({ try await restarted.remove("fake.test/app:1") }) else { return #expect(Bool(false)) }
        try await RootFilesystems(images: restarted).remove("c1")
        try await restarted.remove("fake.test/app:1")
        let roots2 = RootFilesystems(images: restarted)
        guard case .notFound = await imageError({ _ = try await roots2.prepare("c2", image: image) }) else { return #expect(Bool(false)) }
        #expect(try await roots2.list().isEmpty)
    }

    @Test func imagesAreMountedToBeRead() async throws {
        let (service, roots, image) = try await image([FakeLayer { $0.file("a", "1") }])
        let target = "\(host.root)/volume"
        try Files.makeDirectories(target)
        try await roots.mountImage(image, at: target)
        #expect(try Files.readText("\(target)/a") == "1")
        #expect(mkdir("\(target)/b", 0o755) == -1 && errno == EROFS)
        #expect(try await roots.list().isEmpty)
        #expect(roots.mountedImages() == [target])
        guard case .inUse = await imageError({ try await service.remove(image.id) }) else { return #expect(Bool(false)) }
        try await roots.unmountImage(at: target)
        try await roots.unmountImage(at: target)
        #expect(try Files.list(target).isEmpty)
        try await service.remove(image.id)
    }

    @Test func preparingAgainBeginsAnew() async throws {
        let (_, roots, image) = try await image([FakeLayer { $0.file("a", "1") }])
        let root = try await roots.prepare("c1", image: image)
        try Files.makeDirectories("\(root)/left")
        #expect(try await roots.prepare("c1", image: image) == root)
        #expect(try Files.list(root) == ["a"])
        try await roots.remove("c1")
        #expect(try MountTable.read().allSatisfy { $0.mountPoint != root })
    }

    /// A crash between any two steps of prepare or remove.
    @Test func removalCopesWithHalves() async throws {
        let (service, roots, image) = try await image([FakeLayer { $0.file("a", "1") }])
        let directories = service.content.directories
        try Files.makeDirectories("\(directories.changes)/c1/upper")
        try Files.makeDirectories("\(directories.mounts)/c2")
        try await service.content.change { try $0.hold(image.id, by: "c3") }
        #expect(try await roots.list() == ["c1", "c2", "c3"])
        for id in try await roots.list() { try await roots.remove(id) }
        #expect(try await roots.list().isEmpty)
    }

    @Test(arguments: ["", "..", "a/b", "/etc"]) func idsAreNames(_ id: String) async throws {
        let (_, roots, image) = try await image([FakeLayer { $0.file("a", "1") }])
        guard case .storage = await imageError({ _ = try await roots.prepare(id, image: image) }) else { return #expect(Bool(false)) }
        guard case .storage = await imageError({ try await roots.remove(id) }) else { return #expect(Bool(false)) }
    }

    @Test func ownersAreShiftedInAUserNamespace() async throws {
        let (_, roots, image) = try await image([
            FakeLayer {
                $0.directory("./")
                $0.file("roots", "x")
                $0.file("users", "x", owner: 1000, group: 7)
            },
            FakeLayer {
                $0.directory("./")
                $0.file("more", "x")
            },
        ])
        let child = try await Command("/usr/bin/unshare", ["--user", "sleep", "60"], environment: ["PATH": "/usr/bin:/bin"]).spawn()
        defer { try? child.signal(SIGKILL) }
        for file in ["uid_map", "gid_map"] {
            for _ in 0..<200 where (try? Files.write("0 100000 65536", to: "/proc/\(child.pid)/\(file)")) == nil {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        let root = try await roots.prepare("c1", image: image, userNamespace: "/proc/\(child.pid)/ns/user")
        #expect(try status(root).st_uid == 100_000)
        #expect(try status("\(root)/roots").st_uid == 100_000)
        #expect(try (status("\(root)/users").st_uid, status("\(root)/users").st_gid) == (101_000, 100_007))
        #expect(try Files.list(root) == ["more", "roots", "users"])
        try await roots.remove("c1")
        try child.signal(SIGKILL)
        _ = try await child.wait()
    }
}

@Suite struct DirectoryOriginTests {
    private let top = digest(of: [1])
    private let middle = digest(of: [2])
    private let bottom = digest(of: [3])

    private func origin(_ looks: [(DirectoryOrigin.Look, describes: Bool)]) -> DirectoryOrigin? {
        let layers = [top, middle, bottom]
        return DirectoryOrigin.find(zip(layers, looks).map { ($0, $1.describes) }) { layer in
            looks[layers.firstIndex(of: layer) ?? 0].0
        }
    }

    @Test func theHighestDescriptionBelowCounts() {
        let plain = DirectoryOrigin.Look.directory(opaque: false)
        #expect(origin([(plain, true), (plain, true), (plain, true)]) == nil)
        #expect(origin([(plain, false), (plain, true), (plain, true)]) == DirectoryOrigin(shown: top, origin: middle))
        #expect(origin([(.absent, false), (plain, false), (plain, true)]) == DirectoryOrigin(shown: middle, origin: bottom))
        #expect(origin([(plain, false), (plain, false), (plain, true)]) == DirectoryOrigin(shown: top, origin: bottom))
        #expect(origin([(plain, false), (.blocked, false), (plain, true)]) == nil)
        #expect(origin([(.blocked, false), (plain, false), (plain, true)]) == nil)
        #expect(origin([(.directory(opaque: true), false), (plain, true), (plain, true)]) == nil)
        #expect(origin([(plain, false), (.directory(opaque: true), true), (plain, true)]) == DirectoryOrigin(shown: top, origin: middle))
        #expect(origin([(plain, false), (plain, false), (plain, false)]) == nil)
    }
}
