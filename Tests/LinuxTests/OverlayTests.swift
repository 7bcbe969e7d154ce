import Glibc
import Testing

@testable import Linux

@Suite(.serialized, .enabled(if: geteuid() == 0, "mounts need root"))
struct OverlayTests {
    /// A file system that takes overlays' upper layers.
    let files: TemporaryDirectory

    init() throws { files = try TemporaryDirectory() }

    /// Layers that each have a file of their own and one that all have, the topmost first.
    private func layers(_ count: Int) throws -> [String] {
        try (0..<count).map { index in
            let layer = "\(files.path)/a-layer-with-a-name-as-long-as-a-digest-0123456789abcdef0123456789abcdef:,\(index)"
            try Files.makeDirectories("\(layer)/etc")
            try Files.writeAtomically(Array("\(index)".utf8), to: "\(layer)/etc/all")
            try Files.writeAtomically([], to: "\(layer)/etc/own-\(index)")
            return layer
        }
    }

    private func look(_ overlay: Overlay, oneByOne: Bool, _ body: (String) throws -> Void) throws {
        let target = "\(files.path)/target"
        try Files.makeDirectories(target)
        try overlay.mount(at: target, oneByOne: oneByOne)
        defer { umount2(target, CInt(MNT_DETACH)) }
        try body(target)
        #expect(!Files.exists(overlay.scratch), "what was needed to mount it is gone")
    }

    @Test(arguments: [1, 2, 60, 500, 501, 720, Overlay.mostLayersInAll], [true, false])
    func anyNumberOfLayersShows(count: Int, oneByOne: Bool) throws {
        guard !oneByOne || Overlay.takesLayersOneByOne else { return }
        let lower = try layers(count)
        try Files.makeDirectories("\(files.path)/upper")
        try Files.makeDirectories("\(files.path)/work")
        let overlay = Overlay(
            lower: lower, changes: ("\(files.path)/upper", "\(files.path)/work"), isVolatile: true, scratch: "\(files.path)/scratch")
        try look(overlay, oneByOne: oneByOne) { target in
            #expect(try Files.readText("\(target)/etc/all") == "0")
            #expect(try Files.list("\(target)/etc").count == count + 1)
            try Files.writeAtomically([1], to: "\(target)/etc/written")
            #expect(try Files.list("\(files.path)/upper/etc") == ["written"])
        }
    }

    @Test(arguments: [2, 600], [true, false])
    func withoutChangesItIsReadOnly(count: Int, oneByOne: Bool) throws {
        guard !oneByOne || Overlay.takesLayersOneByOne else { return }
        try look(Overlay(lower: try layers(count), scratch: "\(files.path)/scratch"), oneByOne: oneByOne) { target in
            let text = try Files.readText("\(target)/etc/all")
            #expect(text == "0")
            #expect(throws: SystemError.self) { try Files.writeAtomically([1], to: "\(target)/etc/written") }
        }
    }

    @Test func tooManyLayersAreSaidSo() throws {
        let overlay = Overlay(lower: Array(repeating: "/", count: Overlay.mostLayersInAll + 1), scratch: "\(files.path)/scratch")
        let error = #expect(throws: SystemError.self) { try overlay.mount(at: files.path) }
        #expect(error?.description.contains("1000 layers, and at most 999 can be stacked") == true)
    }

    @Test func aMountThatFailsLeavesNothing() throws {
        let overlay = Overlay(lower: ["\(files.path)/none", "\(files.path)/nor-this"], scratch: "\(files.path)/scratch")
        for oneByOne in [true, false] { #expect(throws: SystemError.self) { try overlay.mount(at: files.path, oneByOne: oneByOne) } }
        #expect(try Files.list(files.path) == [])
    }

    @Test func valuesWithCommasAreQuoted() {
        let text = Overlay.text(layers: 2, writable: true, options: ["volatile", "context=a:b:c:s0:c1,c2", "index=off"])
        #expect(text == #"lowerdir=0:1,upperdir=2,workdir=3,volatile,context="a:b:c:s0:c1,c2",index=off"#)
    }

    /// With the most layers and the longest options that we use the text fits a page.
    @Test func theTextOfTheMostLayersFits() {
        #expect(Overlay.text(layers: Overlay.mostLayers, writable: true, options: ["volatile", "userxattr"]).utf8.count < 3000)
    }

    @Test func threadsHaveWorkingDirectoriesOfTheirOwn() throws {
        @Sendable func here() -> String { getcwd(nil, 0).map { String(cString: $0) } ?? "" }
        let before = here()
        let inside = try WorkingDirectory.run(in: files.path) { here() }
        #expect(inside.hasSuffix(files.path))
        #expect(here() == before)
        #expect(throws: SystemError.self) { try WorkingDirectory.run(in: "\(files.path)/none") { here() } }
    }

    @Test func theNearestMountPointHoldsAPath() {
        let table = ["/", "/var", "/var/lib", "/var/lib/swift"].enumerated().compactMap {
            MountEntry(line: "\($0.offset) 0 8:1 / \($0.element) rw - ext4 /dev/sda rw")
        }
        #expect(MountTable.mountPoint(of: "/var/lib/swiftlet", in: table) == "/var/lib")
        #expect(MountTable.mountPoint(of: "/var/lib/swift", in: table) == "/var/lib/swift")
        #expect(MountTable.mountPoint(of: "/home", in: table) == "/")
    }
}
