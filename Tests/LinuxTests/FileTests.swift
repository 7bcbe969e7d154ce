import Glibc
import Testing

@testable import Linux

/// A directory of a test's own, removed when the test lets go of it.
final class TemporaryDirectory: Sendable {
    let path: String
    init() throws {
        var template = Array("/tmp/swiftlet-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
        path = template.withUnsafeBufferPointer { String(decoding: $0.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }
    }
    deinit { try? Files.removeTree(path) }
}

@Suite struct FileTests {
    @Test func treesAreMadeAndRemovedWithoutFollowingLinks() throws {
        let temporary = try TemporaryDirectory()
        try Files.makeDirectories(temporary.path + "/a/b/c")
        try Files.makeDirectories(temporary.path + "/kept")
        try Files.writeAtomically([1, 2], to: temporary.path + "/kept/file")
        symlink(temporary.path + "/kept", temporary.path + "/a/b/link")
        try Files.removeTree(temporary.path + "/a")
        #expect(!Files.exists(temporary.path + "/a"))
        #expect(try Files.readBytes(temporary.path + "/kept/file") == [1, 2])
        try Files.removeTree(temporary.path + "/a")
    }

    @Test func atomicWritesSetTheMode() throws {
        let temporary = try TemporaryDirectory()
        let file = temporary.path + "/file"
        try Files.writeAtomically(Array("x".utf8), to: file, mode: 0o644)
        try Files.writeAtomically(Array("longer".utf8), to: file, mode: 0o644)
        var status = stat()
        #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o644)
        #expect(try Files.readText(file) == "longer")
        #expect(try Files.list(temporary.path) == ["file"])
    }

    @Test func mountinfoLines() throws {
        let line = #"36 35 98:0 /mnt1 /mnt2/with\040space rw,noatime shared:7 master:1 - ext3 /dev/root rw,errors=continue"#
        let entry = try #require(MountEntry(line: line))
        #expect(entry.mountPoint == "/mnt2/with space")
        #expect(entry.isShared && entry.isSlave)
        #expect(entry.type == "ext3" && entry.source == "/dev/root" && entry.superOptions == ["rw", "errors=continue"])
        for bad in ["", "1 2 3", "36 35 98:0 / /x rw", "a b c d e f - g h i", "36 35 98:0 /mnt1 /mnt2 rw shared:7 ext3 /dev/root rw"] {
            #expect(MountEntry(line: bad) == nil)
        }
        #expect(try !MountTable.read().isEmpty)
    }

    @Test func watcherTellsOfChanges() async throws {
        let temporary = try TemporaryDirectory()
        let changes = try FileWatcher.changes(of: [temporary.path])
        try Files.writeAtomically([1], to: temporary.path + "/one")
        var seen: Set<String> = []
        for await path in changes {
            seen.insert(path)
            if seen.contains(temporary.path + "/one") { break }
        }
        #expect(seen.contains(temporary.path + "/one"))
    }

    @Test func watcherGoesOnWhenItsDirectoryIsMadeAnew() async throws {
        let temporary = try TemporaryDirectory()
        let directory = temporary.path + "/watched"
        let changes = try FileWatcher.changes(of: [directory])
        rmdir(directory)
        var hasWritten = false
        for await path in changes {
            if path == directory + "/one" { break }
            // Its own path says that it is there again, and that anything may be in it.
            guard path == directory, !hasWritten else { continue }
            hasWritten = true
            try Files.writeAtomically([1], to: directory + "/one")
        }
        #expect(hasWritten)
    }

    @Test func whatTheKernelDidNotTellMayBeAnything() {
        let names: [CInt: String] = [1: "/a", 2: "/b"]
        func meaning(_ watch: CInt, _ mask: CInt, _ name: String = "") -> WatchedDirectories.Meaning {
            WatchedDirectories.meaning(of: InotifyEvent(watch: watch, mask: UInt32(mask), name: name), names)
        }
        #expect(meaning(1, IN_MOVED_TO, "x") == .changed(["/a/x"]))
        #expect(meaning(-1, IN_Q_OVERFLOW) == .changed(["/a", "/b"]))
        #expect(meaning(3, IN_MOVED_TO, "x") == .changed([]))
        #expect([IN_IGNORED, IN_MOVE_SELF, IN_UNMOUNT].allSatisfy { meaning(2, CInt($0)) == .lost })
    }

    @Test func inotifyEventsOfAnyBytes() {
        #expect(InotifyEvent.parse([]).isEmpty)
        #expect(InotifyEvent.parse([UInt8](repeating: 0xff, count: 64)).isEmpty)
        let one: [UInt8] = [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 97, 98, 0, 0]
        #expect(InotifyEvent.parse(one) == [InotifyEvent(watch: 1, mask: 2, name: "ab")])
    }
}
