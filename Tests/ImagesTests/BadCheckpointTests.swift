import Glibc
import Linux
import Testing

@testable import Images

/// Archives that must not be restored: each gives one clear error, and nothing is written outside.
@Suite struct BadCheckpointTests {
    let host: Host

    init() throws { host = try Host() }

    private func good(_ tar: inout TarBuilder) {
        tar.file("config.dump", #"{"id": "c1", "name": "app"}"#)
        tar.file("spec.dump", "{}")
        tar.file("checkpoint/inventory.img", "x")
    }

    /// What unpacking an archive fails with; nil where it does not.
    private func unpacking(_ bytes: [UInt8], apply: Bool = false) async throws -> CheckpointError? {
        let service = try await host.start()
        let (archive, target) = ("\(host.root)/archive", "\(host.root)/target/inside")
        try Files.removeTree("\(host.root)/target")
        try Files.makeDirectories(target)
        try Files.makeDirectories("\(host.root)/target/root")
        try Files.writeAtomically(bytes, to: archive)
        let checkpoints = Checkpoints(images: service)
        let error = await checkpointError {
            _ = try await checkpoints.documents(ofArchive: archive)
            try await checkpoints.unpack(archive: archive, into: target)
            if apply { try await checkpoints.apply(target, of: archive, to: "\(host.root)/target/root") }
        }
        #expect(!Files.exists("\(host.root)/target/escaped") && !Files.exists("\(host.root)/escaped"))
        return error
    }

    private func archive(_ more: (inout TarBuilder) -> Void) -> [UInt8] {
        var tar = TarBuilder()
        good(&tar)
        more(&tar)
        return tar.archive
    }

    @Test func aGoodOne() async throws {
        #expect(
            try await unpacking(
                archive {
                    $0.file("./unknown", "left out")
                    $0.symbolicLink("checkpoint/parent", to: "../../../escaped")
                    $0.directory("checkpoint/below/")
                    $0.file("checkpoint/below/file", "left out")
                }) == nil)
        #expect(try Files.list("\(host.root)/target/inside") == ["checkpoint", "config.dump", "spec.dump"])
        #expect(try Files.list("\(host.root)/target/inside/checkpoint") == ["inventory.img"])
    }

    @Test(arguments: ["../escaped", "checkpoint/../../escaped", "/../escaped", ".."])
    func namesThatLeadOut(_ name: String) async throws {
        let error = try await unpacking(archive { $0.file(name, "x") })
        guard case .escapes(_, entry: name) = error else { return #expect(Bool(false), "\(error as Any)") }
    }

    @Test func malformed() async throws {
        let whole = archive { $0.file("checkpoint/pages-1.img", String(repeating: "x", count: 5000)) }
        var withoutImages = TarBuilder()
        withoutImages.file("config.dump", "{}")
        withoutImages.file("spec.dump", "{}")
        let cases: [(String, [UInt8])] = [
            ("nothing", []), ("no tar", Array(repeating: UInt8(ascii: "x"), count: 4000)), ("half", Array(whole.prefix(8000))),
            ("no images", withoutImages.archive), ("a part twice", archive { $0.file("config.dump", "{}") }),
            ("an image twice", archive { $0.file("checkpoint/inventory.img", "{}") }),
            ("a link as a part", archive { $0.symbolicLink("bind.mounts", to: "/etc/passwd") }),
            ("a hard link as a part", archive { $0.hardLink("bind.mounts", to: "config.dump") }),
            (
                "no JSON",
                {
                    var tar = TarBuilder()
                    tar.file("config.dump", "{")
                    tar.file("spec.dump", "{}")
                    return tar.archive
                }()
            ),
        ]
        for (what, bytes) in cases {
            let error = try await unpacking(bytes)
            guard case .malformed = error else {
                Issue.record("\(what): \(error as Any)")
                continue
            }
        }
    }

    @Test func sizesBeyondTheArchives() async throws {
        let error = try await unpacking(
            archive { $0.add(.init(name: Array("checkpoint/pages-1.img".utf8), content: [1], declaredSize: 1 << 40)) })
        guard case .tooLarge = error else { return #expect(Bool(false), "\(error as Any)") }
        var tar = TarBuilder()
        tar.file("config.dump", String(repeating: " ", count: (16 << 20) + 1))
        guard case .tooLarge = try await unpacking(tar.archive) else { return #expect(Bool(false)) }
    }

    @Test(arguments: ["../escaped", "a/../../escaped"]) func changesThatLeadOut(_ name: String) async throws {
        var inner = TarBuilder()
        inner.file(name, "x")
        let bytes = inner.archive
        let error = try await unpacking(archive { $0.add(.init(name: Array("rootfs-diff.tar".utf8), content: bytes)) }, apply: true)
        guard case .escapes(_, entry: name) = error else { return #expect(Bool(false), "\(error as Any)") }
    }

    @Test func changesThroughALink() async throws {
        var inner = TarBuilder()
        inner.symbolicLink("out", to: "/")
        inner.file("out/escaped", "x")
        let bytes = inner.archive
        #expect(try await unpacking(archive { $0.add(.init(name: Array("rootfs-diff.tar".utf8), content: bytes)) }, apply: true) == nil)
        #expect(Files.exists("\(host.root)/target/root/escaped"), "the link leads to the container's root")
        #expect(!Files.exists("/escaped"))
    }

    @Test(arguments: [#"["/../inside"]"#, #"["/"]"#, #"["../../root"]"#, "{}", "["])
    func deletionsThatLeadOut(_ text: String) async throws {
        let error = try await unpacking(archive { $0.file("deleted.files", text) }, apply: true)
        #expect(error != nil)
        #expect(Files.exists("\(host.root)/target/inside/config.dump") && Files.exists("\(host.root)/target/root"))
    }

    @Test func partsByName() {
        func entry(_ text: String) -> CheckpointEntry? { LayerPath(text.utf8).flatMap(CheckpointEntry.init) }
        #expect(entry("./config.dump") == .part(.configuration))
        #expect(entry("checkpoint/core-1.img") == .image(Array("core-1.img".utf8)))
        for other in ["checkpoint", "checkpoint/a/b", "x/config.dump", "other", "/"] { #expect(entry(other) == nil) }
    }
}
