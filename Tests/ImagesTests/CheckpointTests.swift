import CLinux
import Glibc
import Linux
import OCI
import Testing

@testable import Images

/// Checkpoint archives, written of a root file system and read into another.
@Suite struct CheckpointTests {
    let host: Host

    init() throws { host = try Host() }

    private var limit: WorkLimit { WorkLimit(.now + .seconds(60)) }

    /// A service with an image of two layers.
    private func image() async throws -> (ImageService, RootFilesystems, ImageRecord) {
        try host.registry.push(
            [
                FakeLayer {
                    $0.directory("etc/")
                    $0.file("etc/kept", "1")
                    $0.file("etc/gone", "1")
                    $0.directory("var/")
                    $0.file("var/old", "1")
                    $0.file("var/older", "1")
                },
                FakeLayer {
                    $0.file("etc/changed", "1", mode: 0o640, owner: 5, group: 6)
                    $0.file("var/.wh.older")
                },
            ], tag: "1")
        let service = try await host.start()
        _ = try await service.pull("fake.test/app:1")
        return (service, RootFilesystems(images: service), try #require(try await service.list().first))
    }

    /// The parts that CRIU and the node make.
    private func parts(_ name: String) throws -> String {
        let directory = "\(host.root)/\(name)"
        try Files.makeDirectories("\(directory)/checkpoint")
        for (file, text) in [
            ("config.dump", #"{"id": "c1", "name": "app", "rootfsImageRef": "abc", "createdTime": "t", "checkpointedTime": "u"}"#),
            ("spec.dump", #"{"ociVersion": "1.0.2", "process": {"args": ["a", "b"]}, "mounts": [{"destination": "/proc"}]}"#),
            ("checkpoint/inventory.img", "inventory"), ("checkpoint/pages-1.img", String(repeating: "page", count: 100_000)),
        ] { try Files.writeAtomically(Array(text.utf8), to: "\(directory)/\(file)") }
        return directory
    }

    private func write(_ text: String, _ path: String) throws { try Files.writeAtomically(Array(text.utf8), to: path) }

    /// Changes of every kind.
    private func change(_ root: String) throws {
        try write("2", "\(root)/etc/changed")
        try Files.removeTree("\(root)/etc/gone")
        try Files.removeTree("\(root)/var")
        try check("mkdir") { mkdir("\(root)/var", 0o711) }
        try write("new", "\(root)/var/new")
        try check("symlink") { symlink("../etc/kept", "\(root)/var/link") }
        try check("link") { link("\(root)/var/new", "\(root)/var/second") }
        try check("mkfifo") { mkfifo("\(root)/var/fifo", 0o604) }
        try write("caf\u{e9}", "\(root)/var/caf\u{e9}")
        try check("chown") { chown("\(root)/var/new", 12, 34) }
        try check("setxattr") { setxattr("\(root)/var/new", "user.colour", "red", 3, 0) }
        try write("not a whiteout", "\(root)/var/.wh.name")
        try write("of a mount", "\(root)/etc/hosts")
        try write("large", "\(root)/large")
        try check("truncate") { truncate("\(root)/large", 3 << 20) }
    }

    @Test func whatAContainerChangedComesBack() async throws {
        let (service, roots, image) = try await image()
        let checkpoints = Checkpoints(images: service)
        let first = try await roots.prepare("c1", image: image)
        try change(first)
        let parts = try parts("taken")
        try await checkpoints.gatherChanges(of: "c1", into: parts, except: ["/etc/hosts", "/proc"], limit: limit)
        let archive = "\(host.root)/archive.tar"
        try await checkpoints.write(parts, to: archive, by: archive + ".partial", limit: limit)
        #expect(try status(archive).st_mode & 0o777 == 0o600)
        #expect(!Files.exists(archive + ".partial"))

        let documents = try await checkpoints.documents(ofArchive: archive)
        #expect(documents.configuration.id == "c1" && documents.configuration.rootfsImageRef == "abc")
        #expect(documents.specification.process?.args == ["a", "b"])

        let second = try await roots.prepare("c2", image: image)
        let unpacked = "\(host.root)/unpacked"
        try Files.makeDirectories(unpacked)
        try await checkpoints.unpack(archive: archive, into: unpacked)
        #expect(try Files.readBytes("\(unpacked)/checkpoint/pages-1.img").count == 400_000)
        try await checkpoints.apply(unpacked, of: archive, to: second)

        #expect(try Files.list("\(second)/etc") == ["changed", "kept"])
        #expect(try Files.readText("\(second)/etc/changed") == "2")
        #expect(try Files.list("\(second)/var") == [".wh.name", "caf\u{e9}", "fifo", "link", "new", "second"])
        #expect(try status("\(second)/var").st_mode & 0o777 == 0o711)
        let new = try status("\(second)/var/new")
        #expect(new.st_uid == 12 && new.st_gid == 34)
        #expect(try status("\(second)/var/second").st_ino == new.st_ino)
        #expect(getxattr("\(second)/var/new", "user.colour", nil, 0) == 3)
        #expect(try status("\(second)/var/fifo").st_mode & S_IFMT == S_IFIFO)
        #expect(try status("\(second)/large").st_size == 3 << 20)
        for id in ["c1", "c2"] { try await roots.remove(id) }
    }

    @Test func theChangesThemselves() async throws {
        let (service, roots, image) = try await image()
        let root = try await roots.prepare("c1", image: image)
        try change(root)
        let layers = service.content.catalog.holders["c1"]?.layers.reversed().map(service.content.directories.layer) ?? []
        let changes = try RootChanges.find(
            upper: "\(service.content.directories.changes)/c1/upper", lower: layers, merged: root,
            except: Set([LayerPath("/etc/hosts".utf8)].compactMap { $0 }))
        #expect(changes.deleted.map(\.description) == ["etc/gone", "var/old"])
        #expect(
            changes.changed.map(\.description) == [
                "etc", "etc/changed", "large", "var", "var/.wh.name", "var/caf\u{e9}", "var/fifo", "var/link", "var/new", "var/second",
            ])
        try await roots.remove("c1")
    }

    @Test func anArchiveThatIsNotFinishedLeavesNothing() async throws {
        let (service, _, _) = try await image()
        let checkpoints = Checkpoints(images: service)
        let parts = try parts("taken")
        let target = "\(host.root)/target"
        try Files.makeDirectories(target)
        let over = limit
        over.stop()
        for limit in [WorkLimit(.now - .seconds(1)), over] {
            let error = await checkpointError {
                try await checkpoints.write(parts, to: "\(target)/archive", by: "\(target)/archive.partial", limit: limit)
            }
            guard case .outOfTime = error else { return #expect(Bool(false), "\(error as Any)") }
        }
        #expect(try Files.list(target).isEmpty)
        try await checkpoints.write(parts, to: "\(target)/archive", by: "\(target)/archive.partial", limit: limit)
        #expect(try Files.list(target) == ["archive"])
    }

    @Test func aCheckpointImage() async throws {
        let (service, _, _) = try await image()
        let checkpoints = Checkpoints(images: service)
        let parts = try parts("image")
        try write("outside", "\(host.root)/secret")
        try check("symlink") { symlink("\(host.root)/secret", "\(parts)/deleted.files") }
        try check("symlink") { symlink("/etc/passwd", "\(parts)/checkpoint/linked.img") }
        #expect(try await checkpoints.documents(ofImage: "i", at: parts).configuration.name == "app")
        let copied = "\(host.root)/copied"
        try Files.makeDirectories(copied)
        try await checkpoints.copy(image: "i", at: parts, into: copied)
        #expect(try Files.list(copied) == ["checkpoint", "config.dump", "spec.dump"], "no link is followed")
        #expect(try Files.list("\(copied)/checkpoint") == ["inventory.img", "pages-1.img"])
        try Files.removeTree("\(parts)/config.dump")
        let error = await checkpointError { _ = try await checkpoints.documents(ofImage: "i", at: parts) }
        #expect(error == .malformed("i", reason: "it has no config.dump"))
    }
}

/// What `body` throws, as a checkpoint's error.
func checkpointError(_ body: () async throws -> Void) async -> CheckpointError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? CheckpointError
    }
}
