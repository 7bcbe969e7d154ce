import Foundation
import Linux
import Testing

@testable import OCIRuntime

@Suite struct ExitWatcherTests {
    @Test func endsThatCameWhileNobodyLookedAreTold() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let exits = "\(directory)/exits"
        let events = try ExitWatcher.events(directory: exits)
        // Gone, and there again with an end in it: nothing tells of the file itself.
        let other = "\(directory)/other"
        try Files.makeDirectories(other)
        try Files.writeAtomically(Array("3".utf8), to: "\(other)/c1")
        try Files.writeAtomically(Array("no number".utf8), to: "\(other)/c2")
        try Files.removeTree(exits)
        try FileManager.default.moveItem(atPath: other, toPath: exits)
        for await event in events {
            #expect(event.containerID == "c1" && event.code == 3)
            break
        }
    }
}
