import Foundation
import Testing

@testable import Store

@Suite struct StoreTests {
    struct Item: Codable, Sendable, Identifiable, Equatable {
        var id: String
        var value: Int
    }
    let items = Collection<Item>("items")
    let path = FileManager.default.temporaryDirectory.appending(path: "swiftlet-store-\(UUID().uuidString)").path

    @Test func keepsWhatWasWritten() async throws {
        defer { remove() }
        let store = try Store(path: path)
        #expect(try await store.all(items).isEmpty)
        try await store.write {
            try $0.put(Item(id: "a", value: 1), in: items)
            try $0.put(Item(id: "b", value: 2), in: items)
            try $0.put(Item(id: "a", value: 3), in: items)
        }
        try await store.remove("missing", from: items)
        try store.close()
        let again = try Store(path: path)
        #expect(try await again.all(items) == [Item(id: "a", value: 3), Item(id: "b", value: 2)])
        try await again.remove("a", from: items)
        #expect(try await again.all(items).map(\.id) == ["b"])
    }

    @Test func aFailedTransactionChangesNothing() async throws {
        defer { remove() }
        struct Stop: Error {}
        let store = try Store(path: path)
        await #expect(throws: Stop.self) {
            try await store.write {
                try $0.put(Item(id: "a", value: 1), in: items)
                throw Stop()
            }
        }
        #expect(try await store.all(items).isEmpty)
    }

    @Test func aRecordThatDoesNotDecodeIsNamedAndKeepsNoOtherBack() async throws {
        defer { remove() }
        struct Older: Codable, Sendable, Identifiable {
            var id: String
        }
        let store = try Store(path: path)
        try await store.put(Item(id: "a", value: 1), in: items)
        try await store.put(Older(id: "b"), in: Collection<Older>("items"))
        try await store.put(Item(id: "c", value: 3), in: items)
        let (records, unreadable) = try await store.readable(items)
        #expect(records.map(\.id) == ["a", "c"] && unreadable.count == 1 && "\(unreadable)".contains("b"))
        await #expect(throws: StoreError.self) { try await store.all(items) }
    }

    @Test func refusesWhatItCannotRead() async throws {
        defer { remove() }
        try Data("this is no database, whatever its name says".utf8).write(to: URL(filePath: path))
        #expect(throws: StoreError.self) { _ = try Store(path: path) }
    }

    @Test func twoHaveItOneAfterTheOther() async throws {
        defer { remove() }
        let store = try Store(path: path)
        try await store.put(Item(id: "a", value: 1), in: items)
        try store.close()
        #expect(FileManager.default.fileExists(atPath: path + "-wal"), "the log keeps its room")
        #expect(!FileManager.default.fileExists(atPath: path + "-shm"), "the index is in memory")
        for value in 2..<5 {
            let next = try Store(path: path)
            #expect(try await next.all(items) == [Item(id: "a", value: value - 1)])
            try await next.put(Item(id: "a", value: value), in: items)
            try next.close()
        }
    }

    private func remove() {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }
}
