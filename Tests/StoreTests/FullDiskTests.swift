import Foundation
import Glibc
import Linux
import Testing

@testable import Store

/// A store on a file system of its own, of a few megabytes, that is filled to the last byte and inode.
@Suite(.serialized, .enabled(if: geteuid() == 0, "mounts need root"))
struct FullDiskTests {
    struct Item: Codable, Sendable, Identifiable {
        var id: String
        var text: String
    }
    let items = Collection<Item>("items")
    let directory = FileManager.default.temporaryDirectory.appending(path: "swiftlet-disk-\(UUID().uuidString)").path
    var path: String { "\(directory)/store.db" }

    private func onDisk(_ megabytes: Int, _ body: () async throws -> Void) async throws {
        try Files.makeDirectories(directory)
        try check("mount", directory) { mount("tmpfs", directory, "tmpfs", 0, "size=\(megabytes)m,nr_inodes=40") }
        do { try await body() } catch {
            umount2(directory, CInt(MNT_DETACH))
            rmdir(directory)
            throw error
        }
        umount2(directory, CInt(MNT_DETACH))
        rmdir(directory)
    }

    private func fill() throws {
        try Files.makeDirectories("\(directory)/fill")
        let zeros = [UInt8](repeating: 1, count: 4096)
        let file = try OwnedDescriptor.open("\(directory)/fill/bytes", O_WRONLY | O_CREAT)
        while write(file.raw, zeros, zeros.count) > 0 {}
        #expect(errno == ENOSPC)
        for number in 0..<100 {
            let raw = open("\(directory)/fill/\(number)", O_WRONLY | O_CREAT, 0o600)
            if raw < 0 { break }
            close(raw)
        }
        #expect(errno == ENOSPC && !Files.exists("\(directory)/fill/99"))
    }

    private func item(_ number: Int, _ size: Int) -> Item { Item(id: "\(number)", text: String(repeating: "x", count: size)) }

    private func isFull(_ body: () async throws -> Void) async throws -> Bool {
        do { try await body() } catch StoreError.full { return true }
        return false
    }

    @Test(arguments: [true, false])
    func recordsAreChangedAndRemovedAndNoneIsAdded(reopened: Bool) async throws {
        try await onDisk(24) {
            var store = try Store(path: path)
            for number in 0..<400 { try await store.put(item(number, 3000), in: items) }
            // Twice: what was given up the first time has come back.
            for round in 0..<2 {
                try fill()
                if reopened {
                    try store.close()
                    store = try Store(path: path)
                }
                let there = round * 100..<400
                for _ in 0..<8 { for number in there { try await store.put(item(number, 3000 + 40 * (round + 1)), in: items) } }
                // Sooner or later there is no room for another.
                var added = 400
                while try await !isFull({ try await store.put(item(added, 3000), in: items) }) { added += 1 }
                #expect(added < 1000)
                for number in there { try await store.put(item(number, 3400), in: items) }
                for number in round * 100..<(round + 1) * 100 { try await store.remove("\(number)", from: items) }
                for number in 400..<added { try await store.remove("\(number)", from: items) }
                #expect(try await store.all(items).count == 300 - round * 100)
                try Files.removeTree("\(directory)/fill")
                try await store.put(item(399, 3000), in: items)
            }
            try store.close()
        }
    }

    @Test func aStoreThatNeverHadAReserveIsOpenedAndEmptied() async throws {
        try await onDisk(8) {
            // Less than the reserve takes: the store works without one.
            let store = try Store(path: path)
            for number in 0..<100 { try await store.put(item(number, 3000), in: items) }
            for number in 0..<100 { try await store.remove("\(number)", from: items) }
            #expect(try await store.all(items).isEmpty)
            try store.close()
        }
    }
}
