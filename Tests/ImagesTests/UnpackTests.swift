import CLinux
import Glibc
import Linux
import OCI
import Testing

@testable import Images

@Suite struct UnpackTests {
    let host: Host

    init() throws { host = try Host() }

    @Test func metadataIsKept() async throws {
        let directory = try await host.unpack(
            FakeLayer {
                $0.directory("./", mode: 0o711, owner: 3, group: 4, modified: 77)
                $0.directory("etc/", mode: 0o750, owner: 1, group: 2, modified: 1_000_000)
                $0.file("etc/a", "content", mode: 0o4755, owner: 1000, group: 1001, modified: 2_000_000)
                $0.add(.init(name: Array("fifo".utf8), type: "6", mode: 0o620, owner: 5))
                $0.add(.init(name: Array("null".utf8), type: "3", mode: 0o666, major: 1, minor: 3))
                $0.add(.init(name: Array("disk".utf8), type: "4", mode: 0o660, group: 6, major: 8, minor: 1))
                $0.symbolicLink("etc/link", to: "/etc/a")
            })
        let root = try status(directory)
        #expect((root.st_mode & 0o7777, root.st_uid, root.st_gid, root.st_mtim.tv_sec) == (0o711, 3, 4, 77))
        let etc = try status("\(directory)/etc")
        #expect((etc.st_mode, etc.st_uid, etc.st_gid, etc.st_mtim.tv_sec) == (S_IFDIR | 0o750, 1, 2, 1_000_000))
        let file = try status("\(directory)/etc/a")
        #expect((file.st_mode, file.st_uid, file.st_gid, file.st_mtim.tv_sec) == (S_IFREG | 0o4755, 1000, 1001, 2_000_000))
        #expect(try Files.readText("\(directory)/etc/a") == "content")
        #expect(try status("\(directory)/fifo").st_mode == S_IFIFO | 0o620)
        let null = try status("\(directory)/null")
        #expect((null.st_mode, UInt64(null.st_rdev)) == (S_IFCHR | 0o666, clinux_makedev(1, 3)))
        let disk = try status("\(directory)/disk")
        #expect((disk.st_mode, disk.st_gid, UInt64(disk.st_rdev)) == (S_IFBLK | 0o660, 6, clinux_makedev(8, 1)))
        #expect(try status("\(directory)/etc/link").st_mode & S_IFMT == S_IFLNK)
    }

    @Test func aSetgidDirectoryPassesNothingOn() async throws {
        let directory = try await host.unpack(
            FakeLayer {
                $0.directory("mail/", mode: 0o2775, group: 8)
                $0.directory("mail/inside/", mode: 0o755)
                $0.file("mail/file", mode: 0o644)
            })
        #expect(try status("\(directory)/mail").st_mode & 0o7777 == 0o2775)
        #expect(try status("\(directory)/mail/inside").st_mode & 0o7777 == 0o755)
        #expect(try status("\(directory)/mail/inside").st_gid == 0)
        #expect(try status("\(directory)/mail/file").st_gid == 0)
    }

    @Test func paxSaysWhatHeadersCannot() async throws {
        let long = String(repeating: "d/", count: 120) + String(repeating: "n", count: 200)
        let capability: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let directory = try await host.unpack(
            FakeLayer {
                $0.pax(["path": long, "mtime": "1234567890.123456789", "uid": "3000000", "gid": "4000000"])
                $0.file("short", "x")
                $0.pax([("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.note", Array("a\0b=\n".utf8))])
                $0.file("ping", "x", mode: 0o755, owner: 12)
                $0.pax([("SCHILY.xattr.trusted.overlay.redirect", Array("/etc".utf8)), ("SCHILY.xattr.security.selinux", [1])])
                $0.directory("plain/")
            })
        let file = try status("\(directory)/\(long)")
        #expect((file.st_uid, file.st_gid) == (3_000_000, 4_000_000))
        #expect((file.st_mtim.tv_sec, file.st_mtim.tv_nsec) == (1_234_567_890, 123_456_789))
        #expect(attribute("security.capability", "\(directory)/ping") == capability)
        #expect(attribute("user.note", "\(directory)/ping") == Array("a\0b=\n".utf8))
        #expect(attribute("trusted.overlay.redirect", "\(directory)/plain") == nil)
    }

    @Test func gnuLongNames() async throws {
        let (name, target) = (String(repeating: "n", count: 180), String(repeating: "t/", count: 150))
        let directory = try await host.unpack(
            FakeLayer {
                $0.gnuLong("L", name)
                $0.gnuLong("K", target)
                $0.symbolicLink("cut", to: "cut")
            })
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("\(directory)/\(name)", &buffer, buffer.count)
        #expect(count == target.utf8.count)
    }

    @Test(arguments: [Array("nai\u{0308}ve-e\u{0301}".utf8), Array("na\u{ef}ve".utf8), [0x66, 0xff, 0xfe, 0x80]])
    func namesAreBytes(_ name: [UInt8]) async throws {
        let directory = try await host.unpack(
            FakeLayer {
                $0.pax([("path", name)])
                $0.file("replaced", "pax")
                $0.add(.init(name: Array("header-".utf8) + name))
            })
        let opened = try OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY)
        #expect(Set(try DirectoryEntries.names(of: opened)) == [name, Array("header-".utf8) + name])
        // And they can be removed again.
        try TreeRemoval.remove(directory)
        #expect(!Files.exists(directory))
    }

    @Test func whiteoutsBecomeOverlays() async throws {
        let directory = try await host.unpack(
            FakeLayer {
                $0.directory("a/")
                $0.file("a/.wh.gone")
                $0.directory("b/")
                $0.file("b/.wh..wh..opq")
                $0.file(".wh..wh.plnk")
                $0.file("c/.wh.deep")
            })
        for path in ["a/gone", "c/deep"] { #expect(try status("\(directory)/\(path)").isWhiteout) }
        #expect(attribute("trusted.overlay.opaque", "\(directory)/b") == Array("y".utf8))
        #expect(attribute("trusted.overlay.opaque", "\(directory)/a") == nil)
        #expect(try Files.list(directory) == ["a", "b", "c"])
    }

    /// What the layer itself has is not hidden by its own whiteout; what lower layers have there is.
    @Test(arguments: [true, false]) func whiteoutAndEntryInOneLayer(whiteoutFirst: Bool) async throws {
        let directory = try await host.unpack(
            FakeLayer {
                if whiteoutFirst { for name in ["file", "made", "implied"] { $0.file(".wh.\(name)") } }
                $0.file("file", "new")
                $0.directory("made/", mode: 0o700)
                $0.file("implied/x", "new")
                if !whiteoutFirst { for name in ["file", "made", "implied"] { $0.file(".wh.\(name)") } }
            })
        #expect(try Files.readText("\(directory)/file") == "new")
        #expect(try Files.readText("\(directory)/implied/x") == "new")
        for name in ["made", "implied"] {
            #expect(attribute("trusted.overlay.opaque", "\(directory)/\(name)") == Array("y".utf8), "\(name)")
        }
        #expect(try status("\(directory)/made").st_mode & 0o7777 == 0o700)
    }

    @Test func laterEntriesReplaceEarlierOnes() async throws {
        let directory = try await host.unpack(
            FakeLayer {
                $0.file("a", "first")
                $0.hardLink("same", to: "a")
                $0.file("a", "second")
                $0.directory("tree/")
                $0.file("tree/leaf")
                $0.file("tree", "now a file")
                $0.file("b")
                $0.directory("b/")
                $0.file("b/inside", "x")
                $0.directory("kept/", mode: 0o700)
                $0.file("kept/inside", "x")
                $0.directory("kept/", mode: 0o755)
                $0.directory("real/")
                $0.file("real/x", "1")
                $0.symbolicLink("real", to: "kept")
                $0.file("real/y", "through the link")
            })
        #expect(try Files.readText("\(directory)/a") == "second")
        #expect(try Files.readText("\(directory)/same") == "first")
        #expect(try Files.readText("\(directory)/tree") == "now a file")
        #expect(try Files.readText("\(directory)/b/inside") == "x")
        #expect(try Files.readText("\(directory)/kept/inside") == "x")
        #expect(try status("\(directory)/kept").st_mode & 0o7777 == 0o755)
        #expect(try Files.readText("\(directory)/kept/y") == "through the link")
    }

    @Test func hardLinksShareAnInode() async throws {
        let directory = try await host.unpack(
            FakeLayer {
                $0.file("bin/a", "x", mode: 0o755)
                $0.hardLink("bin/b", to: "bin/a")
                $0.hardLink("c", to: "/bin/a")
                $0.hardLink("d", to: "./x/../bin/a")
                $0.symbolicLink("s", to: "nowhere")
                $0.hardLink("s2", to: "s")
            })
        let inode = try status("\(directory)/bin/a").st_ino
        for name in ["bin/b", "c", "d"] { #expect(try status("\(directory)/\(name)").st_ino == inode, "\(name)") }
        #expect(try status("\(directory)/s2").st_mode & S_IFMT == S_IFLNK)
    }

    @Test func directoriesWithoutEntriesAreMade() async throws {
        let directory = try await host.unpack(FakeLayer { $0.file("usr/lib/x/y", "deep", modified: 5) })
        #expect(try Files.readText("\(directory)/usr/lib/x/y") == "deep")
        #expect(try status("\(directory)/usr").st_mode & 0o7777 == 0o755)
    }

    @Test func directoriesTimesAreSetLast() async throws {
        let directory = try await host.unpack(
            FakeLayer {
                $0.directory("a/", modified: 11)
                $0.directory("a/b/", modified: 22)
                $0.file("a/b/c", "x")
                $0.file("a/d", "x")
            })
        #expect(try status("\(directory)/a").st_mtim.tv_sec == 11)
        #expect(try status("\(directory)/a/b").st_mtim.tv_sec == 22)
    }

    @Test func hugeSparseFile() async throws {
        let size: Int64 = 10 << 30
        let directory = try await host.unpack(
            FakeLayer { tar in
                // PAX sparse format 1.0: the map is in the content, in blocks of its own.
                let map = "2\n0\n5\n\(size)\n0\n"
                tar.pax(["GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "huge", "GNU.sparse.realsize": "\(size)"])
                let padded = Array(map.utf8) + [UInt8](repeating: 0, count: 512 - map.utf8.count)
                tar.add(.init(name: Array("sparse/huge".utf8), content: padded + Array("begin".utf8)))
            })
        let file = try status("\(directory)/huge")
        #expect(Int64(file.st_size) == size)
        #expect(file.st_blocks < 100)
    }

    @Test func anEmptyArchiveIsALayer() async throws {
        #expect(try Files.list(try await host.unpack(FakeLayer { _ in })).isEmpty)
        #expect(try Files.list(try await host.unpack(FakeLayer(archive: []))).isEmpty)
    }

    private func attribute(_ name: String, _ path: String) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: 256)
        let count = lgetxattr(path, name, &value, value.count)
        return count < 0 ? nil : Array(value[..<count])
    }
}
