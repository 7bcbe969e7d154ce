import CLinux
import Glibc
import Testing

@testable import Linux

@Suite struct TreeWalkTests {
    let files: TemporaryDirectory

    init() throws { files = try TemporaryDirectory() }

    private func open(_ path: String) throws -> OwnedDescriptor { try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY) }

    /// Nested directories, each with a file beside the next one; far longer than a path can be.
    private func nest(_ depth: Int) throws {
        var directory = try open(files.path)
        for _ in 0..<depth {
            try check("mkdir") { mkdirat(directory.raw, "a", 0o700) }
            OwnedDescriptor(try check("open") { openat(directory.raw, "z", O_WRONLY | O_CREAT, 0o600) }).close()
            directory = OwnedDescriptor(try check("open") { openat(directory.raw, "a", O_RDONLY | O_DIRECTORY) })
        }
    }

    @Test(arguments: [0, 1, TreeWalk.mostOpen, TreeWalk.mostOpen + 1, 20_000])
    func anyDepthIsWalkedAndRemoved(depth: Int) throws {
        try nest(depth)
        var (visited, left, deepest, order): (Int, Int, Int, Bool) = (0, 0, 0, true)
        try TreeWalk.run(try open(files.path)) { entry in
            visited += 1
            deepest = max(deepest, entry.depth)
            return true
        } leave: { entry in
            left += 1
            // The directory that it was left into holds it.
            var status = stat()
            order = order && entry.withName { fstatat(entry.directory, $0, &status, 0) } == 0 && status.st_ino == entry.status.st_ino
        }
        #expect(visited == 2 * depth && left == depth && deepest == max(0, depth - 1) && order)
        try Files.removeTree(files.path)
        #expect(!Files.exists(files.path))
    }

    @Test func manyNamesAreEachSeenOnce() throws {
        for number in 0..<3000 { try Files.makeDirectories("\(files.path)/d\(number % 60)/e\(number)") }
        var seen: Set<[UInt8]> = []
        try TreeWalk.run(try open(files.path)) { entry in
            #expect(seen.insert(entry.name).inserted)
            return true
        }
        #expect(seen.count == 3060)
    }

    @Test func linksAndRefusedDirectoriesAreNotGoneInto() throws {
        try Files.makeDirectories("\(files.path)/refused/inside")
        symlink("/", "\(files.path)/link")
        var names: Set<String> = []
        try TreeWalk.run(try open(files.path)) { entry in
            names.insert(entry.text)
            return entry.text != "refused"
        }
        #expect(names == ["refused", "link"])
    }

    @Test func anErrorOfTheVisitorEndsIt() throws {
        struct Enough: Error {}
        try nest(100)
        #expect(throws: Enough.self) { try TreeWalk.run(try open(files.path)) { if $0.depth == 50 { throw Enough() } else { true } } }
    }

    /// Someone moves the directory that the walk is in: it ends, and does not go on elsewhere.
    @Test func aMovedDirectoryEndsTheWalk() throws {
        try nest(TreeWalk.mostOpen + 10)
        try Files.makeDirectories("\(files.path)/elsewhere/victim")
        let from = "\(files.path)/a/a"
        let to = "\(files.path)/elsewhere/moved"
        let error = #expect(throws: SystemError.self) {
            try TreeWalk.run(try open("\(files.path)/a")) { entry in
                if entry.depth == TreeWalk.mostOpen + 5 { rename(from, to) }
                return true
            }
        }
        #expect(error?.code == ESTALE)
    }

    @Test(.enabled(if: geteuid() == 0, "mounts need root"))
    func removalStaysOnItsFileSystem() throws {
        try Files.makeDirectories("\(files.path)/tree/mounted")
        try Mounts.tmpfs(at: "\(files.path)/tree/mounted", options: "size=1m")
        try Files.writeAtomically([1], to: "\(files.path)/tree/mounted/kept")
        defer { try? Mounts.unmount("\(files.path)/tree/mounted") }
        #expect(throws: SystemError.self) { try Files.removeTree("\(files.path)/tree") }
        #expect(Files.exists("\(files.path)/tree/mounted/kept"))
    }
}
